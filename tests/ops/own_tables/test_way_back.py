"""Our own table has its place again: nothing of the application's changes, and nothing is lost."""

from typing import Final
from uuid import UUID, uuid4

import pytest
from psycopg.errors import DependentObjectsStillExist

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import Severity
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.given import read_tables
from tests.databases import Databases
from tests.ops.examination import found
from tests.ops.own_tables.application import EVENTS, TABLES, Application
from tests.ops.own_tables.test_own_tables import VERIFIED, rights
from tests.reactions.asking import AMARA

NAMES: Final = [each.partition("=")[0] for each in TABLES]
BACK: Final = [f"{name}=" for name in NAMES]
# What our tables are: columns, defaults, indexes and constraints.
OURS: Final = """
    SELECT relation.relname, relation.relkind, attribute.attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity,
        pg_get_expr(preset.adbin, preset.adrelid),
        ARRAY(
            SELECT pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid = relation.oid ORDER BY 1
        ),
        ARRAY(
            SELECT pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = relation.oid ORDER BY 1
        )
    FROM pg_class AS relation
    JOIN pg_attribute AS attribute
        ON attribute.attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef AS preset ON preset.adrelid = relation.oid AND adnum = attnum
    WHERE relation.relnamespace = 'reactions'::regnamespace AND relation.relkind IN ('r', 'v')
    ORDER BY relation.relname, attnum
"""
PUBLISHED: Final = """
    SELECT schemaname || '.' || tablename FROM pg_publication_tables
    WHERE pubname = 'fanout_events' AND tablename LIKE '%events' ORDER BY 1
"""


def event_of_ours(own: Application) -> UUID:
    event = own.board.event("user.verified", VERIFIED)
    own.board.process(event)
    return event


def test_there_and_back_ours_are_as_they_were_and_theirs_keep_their_rows(own: Application) -> None:
    before, of_before = own.board.rows(OURS), rights(own)
    own.migrate()
    inserted = own.insert("user.verified", VERIFIED)
    own.board.process(inserted)
    # Of what is put aside, nobody keeps a right.
    for name in ("reactions rights", "jobs rights"):
        assert found(own.database, name).severity is Severity.OK, found(own.database, name).seen
    kept = own.board.rows("SELECT * FROM public.events")
    assert set(own.migrate(*BACK)) == set(NAMES)
    assert own.board.rows(OURS) == before
    assert rights(own) == of_before
    assert own.board.rows("SELECT * FROM public.events") == kept
    assert own.board.rows("SELECT FROM reactions.events") == []
    assert found(own.database, "own tables").seen == (
        "every table of the schema reactions is our own"
    )
    # The application writes as before, and nobody reacts. What comes into ours is processed.
    unheard = own.insert("user.verified", VERIFIED)
    heard = event_of_ours(own)
    assert own.board.state(heard)[0] == "done"
    assert own.board.rows("SELECT FROM fanout.reactions WHERE event_id = %s", unheard) == []
    assert own.migrate(*BACK) == []


def test_the_mark_of_retention_in_theirs_hides_no_event_of_ours(own: Application) -> None:
    own.migrate("events=public.events")
    own.board.execute("UPDATE fanout.reaction_marks SET last_sequence = 1000")
    own.migrate("events=")
    assert own.board.state(event_of_ours(own))[0] == "done"


def test_it_is_refused_while_work_goes_on_and_nothing_is_changed(own: Application) -> None:
    own.migrate("events=public.events", "agent_tasks=own.agent_tasks")
    waits = own.insert("user.verified", VERIFIED)
    own.board.process(waits)
    own.board.execute("UPDATE fanout.reactions SET state = 'waiting', finished_at = NULL")
    own.board.execute(
        "INSERT INTO fanout.dispatches (kind, id, priority, state, next_attempt_at, attempts,"
        " started_at) VALUES ('task', %s, 1, 'leased', now(), 1, now())",
        uuid4(),
    )
    before = own.board.rows(OURS)
    for name, table in (("events", "public.events"), ("agent_tasks", "own.agent_tasks")):
        with pytest.raises(ConfigurationError, match=f"{table} has 1 rows that are being worked"):
            own.migrate(f"{name}=")
    assert own.board.rows(OURS) == before
    own.board.execute("UPDATE fanout.dispatches SET state = 'cancelled', finished_at = now()")
    assert own.migrate("agent_tasks=") == ["agent_tasks"]


def test_captured_is_ours_again(databases: Databases) -> None:
    with databases.migrated() as database, database.connect() as connection:
        migrate(database.dsn, family=Family.REACTIONS)
        connection.execute(EVENTS)
        before = connection.execute(PUBLISHED).fetchall()
        assert ("reactions.events",) in before
        for text in ("events=public.events", "events="):
            migrate(database.dsn, family=Family.REACTIONS, tables=read_tables([text]))
        assert connection.execute(PUBLISHED).fetchall() == before


def test_after_a_swap_by_an_earlier_version_it_says_that_there_is_none(own: Application) -> None:
    own.migrate("users=public.profiles")
    own.board.execute("DROP TABLE fanout.replaced_users")
    with pytest.raises(ConfigurationError, match=r"reactions\.users has no way back"):
        own.migrate("users=")
    assert found(own.database, "own tables").severity is Severity.OK


def test_a_view_of_somebody_over_ours_is_not_left_with_an_empty_table(own: Application) -> None:
    own.board.execute("CREATE VIEW public.report AS SELECT id FROM reactions.users")
    with pytest.raises(ConfigurationError, match="other objects depend on it") as refused:
        own.migrate("users=public.profiles")
    assert isinstance(refused.value.__cause__, DependentObjectsStillExist)
    own.board.execute("DROP VIEW public.report")
    own.migrate("users=public.profiles")
    own.board.execute("CREATE VIEW public.report AS SELECT id FROM reactions.users")
    own.board.execute("INSERT INTO public.profiles (id) VALUES (%s)", AMARA)
    with pytest.raises(ConfigurationError, match="other objects depend on it"):
        own.migrate("users=")
    assert own.board.rows("SELECT id FROM public.report") == [(AMARA,)]
