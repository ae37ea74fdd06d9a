"""The role of this family may do what the document lists, and nothing that no statement needs."""

from typing import Final

import psycopg
import pytest

from pipeline.steps.job_runs import JOB_RUNS, PROGRESS
from pipeline.steps.reactions.table import REACTIONS, REACTIONS_ON_TRIAL
from pipeline.steps.reactions.trial import TAKE_TRIALS
from tests.clients.postgres.test_rights import (
    CHECK,
    JOBS_OF_REACTIONS,
    ROOT,
    RUN_ALSO,
    alternatives_of,
    files_of,
    granted,
    is_refused,
    names_in,
    revoke,
    rights_in,
    tables_of_document,
)
from tests.clients.postgres.test_rights import (
    REACTIONS as ROLE,
)
from tests.steps.reactions.board import Board

# What runs in every graph, and is in no file of this family: the check, and the sign of life.
ALSO: Final = (
    b"SELECT FROM public.fanout_migrations",
    (ROOT / "pipeline/facts/sql/switches.sql").read_bytes(),
    *(
        (ROOT / f"pipeline/sinks/sql/{name}.sql").read_bytes()
        for name in (
            *("beat", "open_switch", "reopen_after_trial", "close_switch", "note_topic"),
            *("forget_published", "unpublished_letters"),
        )
    ),
)

# Parts of the statements of the ledger.
PARTS: Final = (
    "write_reactions",
    "move_sagas",
    "held_by_its_key",
    "held_by_its_type",
    *("is_suspect", "a_suspect_is_leased"),
    "take_trials",
)
JOBS: Final = "fanout_jobs"
AGENT: Final = "fanout_agent"


def own(connection: psycopg.Connection, role: str) -> set[str]:
    lines = granted(connection, [role, "PUBLIC"])
    mine, everyones = (
        {line.partition(": ")[2] for line in lines if line.startswith(f"{who}: ")}
        for who in (role, "PUBLIC")
    )
    return mine - everyones


def needed_by_jobs() -> list[bytes]:
    steps = ("record_run", "coalesce_runs", "withdraw_run", "jobs_to_do", "missing_tables")
    also = (
        *(f"pipeline/steps/sql/{name}.sql" for name in (*steps, "round_at")),
        *RUN_ALSO[JOBS],
    )
    composed = [
        JOB_RUNS.claim_statement(["job"]),
        JOB_RUNS.extend_statement(PROGRESS),
        JOB_RUNS.settle_statement(),
        *JOB_RUNS.follow_statements(["job"]),
    ]
    files = [
        statement
        for path in files_of(JOBS_OF_REACTIONS)
        for statement in alternatives_of(path, JOBS_OF_REACTIONS)
    ]
    return [
        *(CHECK, *files, *((ROOT / path).read_bytes() for path in also)),
        *(each.as_bytes(None) for each in composed),
    ]


def needed(role: str = ROLE) -> list[bytes]:
    if role == JOBS:
        return needed_by_jobs()
    files = [path.read_bytes() for path in files_of(ROLE) if path.stem not in PARTS]
    composed = [
        REACTIONS.claim_statement(),
        REACTIONS_ON_TRIAL.claim_statement(["event_id"]),
        TAKE_TRIALS,
        REACTIONS.extend_all_statement(),
        REACTIONS.settle_statement(),
        *REACTIONS.follow_statements(),
    ]
    return [*ALSO, *files, *(each.as_bytes(None) for each in composed)]


@pytest.mark.parametrize(
    ("role", "head"),
    [
        (ROLE, f"of `{ROLE}`"),
        (JOBS, f"of `{JOBS}`, with reactions alone"),
        (AGENT, f"of `{AGENT}`"),
    ],
)
def test_the_document_lists_what_a_role_may_do(board: Board, role: str, head: str) -> None:
    (rows,) = [rows for cells, *rows in tables_of_document() if cells[0] == head]
    listed = {
        f"{right} ON {name}"
        for rights, names in rows
        for right in rights_in(rights)
        for name in names_in(names)
    }
    with board.database.connect() as connection:
        assert own(connection, role) == listed


@pytest.mark.parametrize("role", [ROLE, JOBS])
def test_a_role_may_run_its_statements(board: Board, role: str) -> None:
    with board.database.connect() as connection:
        assert not [each for each in needed(role) if is_refused(connection, role, each)]


@pytest.mark.parametrize("role", [ROLE, JOBS])
def test_each_right_on_a_table_is_needed(board: Board, role: str) -> None:
    spare = []
    with board.database.connect() as connection:
        for line in sorted(each for each in own(connection, role) if " ON table " in each):
            with connection.transaction(force_rollback=True):
                revoke(connection, f"{role}: {line}")
                if not any(is_refused(connection, role, each) for each in needed(role)):
                    spare.append(line)
    assert spare == []


@pytest.mark.parametrize("lost", ["INSERT ON table reactions.agent_tasks"])
def test_control_a_right_that_a_statement_lacks_is_found(board: Board, lost: str) -> None:
    with board.database.connect() as connection, connection.transaction(force_rollback=True):
        revoke(connection, f"{ROLE}: {lost}")
        assert any(is_refused(connection, ROLE, each) for each in needed())
