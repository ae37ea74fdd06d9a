"""Priorities as numbers, words, an enum or a domain: read, written, and found by an index."""

from collections.abc import Iterator
from typing import Final

import pytest

from pipeline.jobs.reactions.dispatch_tasks import DISPATCH_TASKS
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.faults import find_own_faults
from pipeline.ops.own_tables.given import read_tables
from tests.databases import Database, Databases
from tests.ops.own_tables.test_original import dispatch
from tests.plans import Plan, explaining_cursor, used
from tests.steps.reactions.board import Board

WORDS: Final = ["urgent", "high", "medium", "low"]
NUMBERS: Final = [0, 1, 2, 3]
# The type of the column, and what it has for the ranks from 0 on.
TYPES: Final = {
    "bigint": NUMBERS,
    "own.number": NUMBERS,
    "varchar(20)": WORDS,
    "own.urgency": WORDS,
    "own.word": WORDS,
}
NAMED: Final = ["agent_tasks=own.agent_tasks"]
SCHEMA: Final = """
    CREATE SCHEMA own;
    CREATE DOMAIN own.number AS int CHECK (VALUE BETWEEN 0 AND 3);
    CREATE TYPE own.urgency AS ENUM ('low', 'medium', 'high', 'urgent', 'someday');
    CREATE DOMAIN own.word AS text CHECK (VALUE IN ('urgent', 'high', 'medium', 'low'));
    CREATE TABLE own.agent_tasks (LIKE reactions.agent_tasks INCLUDING DEFAULTS);
    ALTER TABLE own.agent_tasks ADD PRIMARY KEY (id), ALTER COLUMN priority DROP DEFAULT
"""
TASK: Final = """
    WITH given AS (SELECT rank, gen_random_uuid() AS id FROM unnest(ARRAY[2, 0, 3, 1]) AS rank)
    INSERT INTO reactions.agent_tasks
        (id, event_id, task_type, agent_type, scheduled_for, priority, context_json)
    SELECT id, id, rank, 'a', '2026-01-01',
        (fanout.priorities((NULL::reactions.agent_tasks).priority))[rank + 1], '{}'
    FROM given
    ON CONFLICT (id) DO NOTHING
"""
# As dispatch.sql looks for those of one rank.
DUE: Final = b"""
    SELECT id
    FROM reactions.agent_tasks AS task
    WHERE task.status = 'pending' AND fanout.rank_of(task.priority) = 1
        AND task.scheduled_for <= now()
    ORDER BY task.scheduled_for, task.created_at, task.id
    LIMIT 100
    FOR NO KEY UPDATE OF task SKIP LOCKED
"""


@pytest.fixture
def board(databases: Databases) -> Iterator[Board]:
    with databases.with_reactions() as database:
        with database.connect() as connection:
            connection.execute(SCHEMA.encode())
        board = Board(database)
        yield board
        board.close()


def has_type(board: Board, name: str) -> None:
    to = f"{name} USING priority::text::{name}"
    board.execute(f"ALTER TABLE own.agent_tasks ALTER COLUMN priority TYPE {to}")


def faults(database: Database) -> list[tuple[str, str | None]]:
    with database.connect() as connection:
        found = find_own_faults(connection, read_tables(NAMED).given)
    return [(fault.seen, fault.fix) for fault in found]


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_written_and_handed_out_by_rank(board: Board, name: str) -> None:
    has_type(board, name)
    assert faults(board.database) == []
    migrate(board.database.dsn, family=Family.REACTIONS, tables=read_tables(NAMED))
    with board.database.connect() as connection:
        connection.execute("SET ROLE fanout_reactions")
        connection.execute(TASK)
    written = board.rows("SELECT priority FROM own.agent_tasks ORDER BY task_type")
    assert [value for (value,) in written] == TYPES[name]
    assert dispatch(board.database, DISPATCH_TASKS) == 4
    assert board.rows(
        "SELECT payload ->> 'taskType', (payload ->> 'priority')::int FROM reactions.events"
        " ORDER BY sequence"
    ) == [(str(rank), rank) for rank in NUMBERS]


@pytest.mark.parametrize("name", ["varchar(20)", "own.urgency"])
def test_what_is_due_is_found_by_an_index_of_its_ranks(board: Board, name: str) -> None:
    """Control: without the index, every row is read."""
    has_type(board, name)
    migrate(board.database.dsn, family=Family.REACTIONS, tables=read_tables(NAMED))
    board.execute(
        "INSERT INTO own.agent_tasks"
        " (id, event_id, task_type, agent_type, scheduled_for, priority, context_json)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 't', 'a', now() + n * interval '1 h',"
        " (fanout.priorities((NULL::reactions.agent_tasks).priority))[2 + n %% 2], '{}'"
        " FROM generate_series(1, 4000) AS n"
    )
    board.execute("ANALYZE own.agent_tasks")
    assert indexes(board.database) == {"reactions_agent_tasks_ranked_idx"}
    board.execute("DROP INDEX own.reactions_agent_tasks_ranked_idx")
    assert indexes(board.database) == set()


def indexes(database: Database) -> set[str]:
    plans: list[Plan] = []
    with database.connect() as connection:
        connection.cursor_factory = explaining_cursor(plans)
        connection.execute(DUE)
    return used(plans, "Index Name")


REFUSED: Final = {
    "varchar(5)": ("'urgent', 'medium', which reactions write", None),
    "own.two": (
        "'urgent', 'medium', which reactions write",
        "ALTER TYPE own.two ADD VALUE 'urgent'; ALTER TYPE own.two ADD VALUE 'medium'",
    ),
    "own.short": ("'urgent', 'high', 'medium', 'low', which reactions write", None),
    "own.later": ("'0', which reactions write", None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_type_without_one_of_the_four_is_refused(board: Board, name: str) -> None:
    board.execute("CREATE TYPE own.two AS ENUM ('low', 'high')")
    board.execute("CREATE DOMAIN own.short AS text CHECK (length(VALUE) < 3)")
    board.execute("CREATE DOMAIN own.later AS int CHECK (VALUE > 0)")
    has_type(board, name)
    words, fix = REFUSED[name]
    assert faults(board.database) == [(f"own.agent_tasks.priority does not take {words}", fix)]
    if fix is not None:
        board.execute(fix)
        assert faults(board.database) == []


def test_a_constraint_that_refuses_what_we_write_is_named_and_widened(board: Board) -> None:
    board.execute(
        "ALTER TABLE own.agent_tasks ADD CONSTRAINT \"in use\" CHECK (status <> 'failed'),"
        " ADD CONSTRAINT taken CHECK (status LIKE 'p%%' OR status LIKE '%%ed'),"
        " ADD CONSTRAINT of_two CHECK (status <> 'completed' OR priority > 0),"
        " ALTER COLUMN status SET DEFAULT 'new'"
    )
    [first, second] = faults(board.database)
    assert first[0] == (
        "own.agent_tasks.status does not take 'failed', which reactions write: see the constraint"
        " in use"
    )
    assert second[0] == (
        "own.agent_tasks.status has the default 'new': expected 'pending', with which reactions"
        " begin"
    )
    for _, fix in (first, second):
        assert fix is not None
        board.execute(fix)
    assert faults(board.database) == []
    # Control: it still refuses what it refused besides.
    board.execute("ALTER TABLE own.agent_tasks DROP CONSTRAINT taken")
    board.execute("ALTER TABLE own.agent_tasks ADD CONSTRAINT taken CHECK (status = 'pending')")
    assert "'processing', 'completed', 'failed'" in faults(board.database)[0][0]
