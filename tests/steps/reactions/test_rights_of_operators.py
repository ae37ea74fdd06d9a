"""What operators and viewers may do with reactions is what the document lists, and is needed."""

from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.clients.postgres.test_rights import (
    OF_REACTIONS,
    ROOT,
    granted,
    is_refused,
    names_in,
    revoke,
    rights_in,
    tables_of_document,
)
from tests.steps.reactions.board import Board

OPERATOR: Final = "fanout_operator"
VIEWER: Final = "fanout_viewer"
# What a viewer does not run: it changes something, reads payloads, or wakes the graph.
NOT_BY_VIEWERS: Final = (
    *("letter_payload", "replay_events", "selected", "waiting_events", "left_in_reactions"),
    *("routes", "add_route", "remove_route"),
)
# The view and its rights are for psql and Grafana.
FOR_PEOPLE: Final = "SELECT * FROM reactions.event_dead_letters"
FOR_VIEWERS: Final = (
    "SELECT id, event_id, event_type, error_message, retry_count, original_created_at, created_at,"
    " aggregate_type, aggregate_id, state, letter_id FROM reactions.event_dead_letters"
)


def documented(role: str) -> set[str]:
    (table,) = [each for each in tables_of_document() if each[0][0] == "of reactions"]
    (_, *grantees), *rows = table
    assert names_in(" ".join(grantees)) == [OPERATOR, VIEWER]
    place = (OPERATOR, VIEWER).index(role)
    return {
        f"{right} ON {name}"
        for names, *cells in rows
        for name in names_in(names)
        for right in rights_in(cells[place])
    }


def own(connection: psycopg.Connection, role: str) -> set[str]:
    """What the role may do in the schema and with the ledger, beyond the rights of everyone."""
    lines = {line.partition(": ")[2] for line in granted(connection, [role]) if ": " in line}
    return {line for line in lines if "reaction" in line.partition(" ON ")[2]}


def statements(role: str) -> list[bytes]:
    paths = [path for folder in OF_REACTIONS for path in sorted(folder_of(folder).glob("*.sql"))]
    files = [
        path.read_bytes() for path in paths if role == OPERATOR or path.stem not in NOT_BY_VIEWERS
    ]
    return [*files, (FOR_PEOPLE if role == OPERATOR else FOR_VIEWERS).encode()]


def folder_of(name: str) -> Path:
    return ROOT / name / "sql"


@pytest.mark.parametrize("role", [OPERATOR, VIEWER])
def test_the_document_lists_what_they_may_do(board: Board, role: str) -> None:
    with board.database.connect() as connection:
        assert own(connection, role) == documented(role)


@pytest.mark.parametrize("role", [OPERATOR, VIEWER])
def test_they_may_run_their_statements_and_need_each_right(board: Board, role: str) -> None:
    spare = []
    with board.database.connect() as connection:
        assert not [each for each in statements(role) if is_refused(connection, role, each)]
        for line in sorted(own(connection, role)):
            if " ON table " not in line and " ON view " not in line:
                continue
            with connection.transaction(force_rollback=True):
                revoke(connection, f"{role}: {line}")
                if not any(is_refused(connection, role, each) for each in statements(role)):
                    spare.append(line)
    assert spare == []
