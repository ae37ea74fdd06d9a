"""The role of this family may do what the document lists, and nothing that no statement needs."""

from typing import Final

import psycopg
import pytest

from pipeline.steps.reactions.table import REACTIONS
from tests.clients.postgres.test_rights import (
    REACTIONS as ROLE,
)
from tests.clients.postgres.test_rights import (
    ROOT,
    files_of,
    granted,
    is_refused,
    names_in,
    revoke,
    rights_in,
    tables_of_document,
)
from tests.steps.reactions.board import Board

# What runs in every graph, and is in no file of this family: the check, and the sign of life.
ALSO: Final = (
    b"SELECT FROM public.fanout_migrations",
    (ROOT / "pipeline/sinks/sql/beat.sql").read_bytes(),
)

# Parts of the statements of the ledger.
PARTS: Final = ("write_reactions", "held_back")


def own(connection: psycopg.Connection) -> set[str]:
    lines = granted(connection, [ROLE, "PUBLIC"])
    mine, everyones = (
        {line.partition(": ")[2] for line in lines if line.startswith(f"{who}: ")}
        for who in (ROLE, "PUBLIC")
    )
    return mine - everyones


def needed() -> list[bytes]:
    files = [path.read_bytes() for path in files_of(ROLE) if path.stem not in PARTS]
    composed = [
        REACTIONS.claim_statement(),
        REACTIONS.settle_statement(),
        *REACTIONS.follow_statements(),
    ]
    return [*ALSO, *files, *(each.as_bytes(None) for each in composed)]


def test_the_document_lists_what_the_role_may_do(board: Board) -> None:
    (rows,) = [rows for head, *rows in tables_of_document() if head[0] == f"of `{ROLE}`"]
    listed = {
        f"{right} ON {name}"
        for rights, names in rows
        for right in rights_in(rights)
        for name in names_in(names)
    }
    with board.database.connect() as connection:
        assert own(connection) == listed


def test_the_role_may_run_its_statements(board: Board) -> None:
    with board.database.connect() as connection:
        assert not [each for each in needed() if is_refused(connection, ROLE, each)]


def test_each_right_on_a_table_is_needed(board: Board) -> None:
    spare = []
    with board.database.connect() as connection:
        for line in sorted(each for each in own(connection) if " ON table " in each):
            with connection.transaction(force_rollback=True):
                revoke(connection, f"{ROLE}: {line}")
                if not any(is_refused(connection, ROLE, each) for each in needed()):
                    spare.append(line)
    assert spare == []


@pytest.mark.parametrize("lost", ["INSERT ON table reactions.agent_tasks"])
def test_control_a_right_that_a_statement_lacks_is_found(board: Board, lost: str) -> None:
    with board.database.connect() as connection, connection.transaction(force_rollback=True):
        revoke(connection, f"{ROLE}: {lost}")
        assert any(is_refused(connection, ROLE, each) for each in needed())
