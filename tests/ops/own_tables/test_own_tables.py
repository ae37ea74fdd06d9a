"""An application's own tables take the place of ours: nothing is rewritten, lost or held up."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from psycopg.errors import LockNotAvailable

from pipeline.__main__ import main
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.ops.doctor.check import Severity
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.faults import find_own_faults
from pipeline.ops.own_tables.given import read_tables
from pipeline.ops.own_tables.replace import use_own_table
from tests.clients.postgres.test_rights import granted
from tests.databases import Databases
from tests.deadline import wait_until
from tests.ops.examination import found
from tests.ops.own_tables.application import EVENTS, TABLES, Application, insert
from tests.reactions.asking import AMARA, TALK

NEEDED: Final = "user.inquiry.solution_needed"
SAID: Final = {"userId": str(AMARA), "conversationId": str(TALK), "requestDescription": "A lender"}
VERIFIED: Final = {"userId": str(AMARA)}
# What an insert of the application may wait for a lock, on a slow machine too.
PATIENCE: Final = "2s"
WAITING: Final = """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = 'public.events'::regclass
    )
"""
ROLES: Final = ("fanout_reactions", "fanout_operator", "fanout_viewer", "fanout_jobs")


def rights(own: Application) -> set[str]:
    with own.database.connect() as connection:
        lines = granted(connection, ROLES)
    return {
        line.replace(" ON view ", " ON table ")
        for line in lines
        if " ON table reactions." in line or " ON view reactions." in line
    }


def test_events_of_the_application_are_processed_and_those_from_before_stay(
    own: Application,
) -> None:
    before = own.insert("user.verified", {"userId": str(AMARA)}, processed=True)
    own.board.execute("INSERT INTO public.profiles (id) VALUES (%s)", AMARA)
    own.board.execute("INSERT INTO own.conversations (id, user_id) VALUES (%s, %s)", TALK, AMARA)
    pages = "SELECT pg_relation_filenode('public.events')"
    file = own.board.rows(pages)
    assert set(own.migrate()) >= {"public.events", "public.profiles", "own.agent_tasks"}
    # No row was rewritten, and none is numbered.
    assert own.board.rows(pages) == file
    assert own.board.rows("SELECT id, sequence FROM public.events") == [(before, None)]
    event = own.insert(NEEDED, SAID)
    touched = own.insert("user.message.received", SAID)
    assert own.board.process(event) == 2
    assert own.board.rows("SELECT task_type, event_id FROM own.agent_tasks") == [
        ("research_solution", event)
    ]
    # Rows that are there are locked, changed and not inserted twice.
    assert own.board.rows(
        "SELECT last_active_at = created_at FROM public.profiles, public.events AS event"
        " WHERE event.id = %s",
        touched,
    ) == [(True,)]
    followed = "SELECT count(*) FROM public.events WHERE event_type = 'solution.research_initiated'"
    assert own.board.rows(followed) == [(1,)]
    states = dict(own.board.rows("SELECT id, processed FROM public.events"))
    assert (states[before], states[event], states[touched]) == (True, True, True)
    assert own.board.rows(
        "SELECT count(*) > 2, count(*) = count(DISTINCT sequence) FROM public.events"
        " WHERE id <> %s",
        before,
    ) == [(True, True)]
    own.board.execute("UPDATE public.events SET processed = false WHERE id = %s", before)
    own.board.process(before)
    assert own.board.rows("SELECT FROM fanout.reactions WHERE event_id = %s", before) == []


def test_every_right_on_ours_is_a_right_on_the_view_and_none_on_the_table(
    own: Application,
) -> None:
    of_before = rights(own)
    own.migrate()
    lost = of_before - rights(own)
    # No statement names the columns that are not shown.
    assert {line for line in lost if "created_at" not in line} == set()
    assert rights(own) <= of_before
    with own.database.connect() as connection:
        lines = granted(connection, ROLES)
    assert not [line for line in lines if " ON table events" in line or " ON table own." in line]


def test_again_it_changes_nothing(own: Application) -> None:
    assert own.migrate()
    state = (
        "SELECT relation.oid, relation.relname, relation.relacl::text, xmin::text"
        " FROM pg_class AS relation WHERE relnamespace IN ('reactions'::regnamespace,"
        " 'public'::regnamespace, 'own'::regnamespace) ORDER BY 1"
    )
    of_once = own.board.rows(state)
    assert own.migrate() == []
    assert migrate(own.database.dsn, family=Family.REACTIONS) == []
    assert own.board.rows(state) == of_once
    other = read_tables(["users=own.inbox_items"])
    own.board.execute("CREATE TABLE own.people (LIKE public.profiles INCLUDING ALL)")
    other = read_tables(["users=own.people"])
    with pytest.raises(ConfigurationError, match=r"reactions\.users is a view of public\.profiles"):
        migrate(own.database.dsn, family=Family.REACTIONS, tables=other)


def test_inserts_of_the_application_are_never_held_up(own: Application) -> None:
    """Control: with a plain ALTER TABLE they are, in the same situation."""
    with (
        own.database.connect() as long,
        own.database.connect() as other,
        own.database.connect() as owner,
        ThreadPoolExecutor(1) as thread,
    ):
        other.execute(f"SET lock_timeout = '{PATIENCE}'".encode())
        with long.transaction():
            insert(long, "user.verified", {})
            done = thread.submit(own.migrate, "events=public.events")
            seen = 0
            while seen < 3:
                wait_until(lambda: waits(own), seconds=60, what="migrate wants the table")
                insert(other, "user.verified", {})
                seen += 1
            assert not done.done()
        assert done.result(120) == ["public.events"]
        insert(other, "user.verified", {})
        with long.transaction():
            insert(long, "user.verified", {})
            owner.execute("SET lock_timeout = '60s'")
            altered = thread.submit(owner.execute, "ALTER TABLE public.events ADD COLUMN plain int")
            wait_until(lambda: waits(own), seconds=60, what="the owner wants the table")
            with pytest.raises(LockNotAvailable):
                insert(other, "user.verified", {})
        altered.result(120)


def waits(own: Application) -> bool:
    return own.board.rows(WAITING) == [(True,)]


def test_what_is_missing_or_wrong_is_said_before_anything_changes(databases: Databases) -> None:
    with databases.empty() as database, database.connect() as connection:
        connection.execute(
            "CREATE TABLE public.events (id uuid, event_type int, payload json,"
            " metadata jsonb, aggregate_id uuid, aggregate_type text, processed boolean,"
            " created_at timestamptz, version int, tenant text NOT NULL)"
        )
        tables = read_tables(["events=public.events", "users=public.people"])
        with pytest.raises(ConfigurationError) as refused:
            migrate(database.dsn, family=Family.REACTIONS, tables=tables)
        table = "public.events"
        alter = f"fix: ALTER TABLE {table}"
        created_by = "created_by character varying(100)"
        not_null = "is NOT NULL without a default, but reactions write rows without it"
        assert str(refused.value).splitlines()[1:-1] == [
            f"  {table}.event_type is integer: expected character varying(100)",
            f"  {table}.payload is json: expected jsonb",
            f"  {table}.created_by is missing; {alter} ADD COLUMN {created_by};",
            f"  {table}.id may be NULL; {alter} ALTER COLUMN id SET NOT NULL;",
            f"  {table} has no unique key (id); {alter} ADD UNIQUE (id);",
            f"  {table}.tenant {not_null}; {alter} ALTER COLUMN tenant DROP NOT NULL;",
            "  public.people is missing",
        ]
        row = connection.execute("SELECT to_regnamespace('reactions'), to_regnamespace('fanout')")
        assert row.fetchone() == (None, None)
        # Control: with the fixes nothing is left to say.
        connection.execute("DROP TABLE public.events")
        connection.execute(EVENTS)
        applied = migrate(
            database.dsn, family=Family.REACTIONS, tables=read_tables(["events=public.events"])
        )
        assert applied[-1] == "public.events"


def test_what_is_no_ordinary_table_is_refused_with_the_reason(databases: Databases) -> None:
    with databases.empty() as database, database.connect() as connection:
        connection.execute(
            "CREATE TABLE public.parted (id uuid, created_at timestamptz, PRIMARY KEY (id,"
            " created_at)) PARTITION BY RANGE (created_at);"
            "CREATE TABLE public.people (id uuid);"
            "CREATE VIEW public.seen AS SELECT id FROM public.people;"
            "CREATE MATERIALIZED VIEW public.stored AS SELECT id FROM public.people"
        )
        given = ("events=public.parted", "users=public.seen", "conversations=public.stored")
        faults = find_own_faults(connection, read_tables(given).given)
    assert [fault.seen for fault in faults] == [
        (
            "public.parted is a partitioned table: expected an ordinary one, where an id is unique"
            " among all rows, and an index can be built while others write"
        ),
        "public.seen is a view: expected the table behind it, which is captured and gets indexes",
        "public.stored is a materialized view: expected a table, into which rows can be written",
    ]


def test_a_fix_can_be_run_whatever_the_names_are(databases: Databases) -> None:
    with databases.empty() as database, database.connect() as connection:
        connection.execute(EVENTS.replace("public.events", 'public."Event"'))
        connection.execute(
            'ALTER TABLE public."Event" DROP COLUMN id, DROP COLUMN version,'
            ' ADD COLUMN id uuid, ADD COLUMN "order" text NOT NULL,'
            ' ADD COLUMN "tenantId" text NOT NULL'
        )
        given = read_tables(["events=public.Event"]).given
        fixes = [fault.fix for fault in find_own_faults(connection, given)]
        assert len(fixes) == 5
        for fix in fixes:
            assert fix is not None
            connection.execute(fix.encode())
        assert find_own_faults(connection, given) == []


def test_ours_is_not_replaced_while_it_has_rows(own: Application) -> None:
    own.board.event("user.verified", {"userId": str(AMARA)})
    with pytest.raises(ConfigurationError, match=r"reactions\.events has rows"):
        own.migrate()
    own.board.execute("TRUNCATE reactions.events")
    assert "public.events" in own.migrate()


def test_a_row_that_comes_after_the_first_look_is_not_lost(own: Application) -> None:
    [given] = read_tables(["users=public.profiles"]).given
    insert_person = "INSERT INTO reactions.users (id) VALUES (%s)"
    own.board.execute(insert_person, AMARA)
    with own.database.connect() as connection:
        with pytest.raises(ConfigurationError, match=r"reactions\.users has rows"):
            use_own_table(connection, given, print)
        assert own.board.rows("SELECT id FROM reactions.users") == [(AMARA,)]
        # Control: it is the row that keeps the table.
        own.board.execute("TRUNCATE reactions.users")
        assert use_own_table(connection, given, print)


def test_an_index_that_was_not_finished_is_built_again(own: Application) -> None:
    name = "reactions_events_not_processed_idx"
    own.board.execute(f"CREATE INDEX {name} ON public.events (created_at)")
    own.board.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", f"public.{name}"
    )
    own.migrate()
    [(definition, is_valid)] = own.board.rows(
        "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index"
        " WHERE indexrelid = %s::regclass",
        f"public.{name}",
    )
    assert is_valid
    assert "(sequence) WHERE (processed IS NOT TRUE)" in definition


def test_events_that_wait_from_before_are_processed_once_also_if_the_graph_ran_already(
    own: Application,
) -> None:
    own.board.process()
    waits_from_before = own.insert("user.verified", VERIFIED)
    own.migrate()
    assert own.board.process() == 1
    assert own.board.state(waits_from_before)[0] == "done"
    assert own.board.process() == 0


def test_the_mark_of_retention_in_our_table_hides_no_event_of_the_application(
    own: Application,
) -> None:
    own.board.execute("UPDATE fanout.reaction_marks SET last_sequence = 1000")
    own.migrate("events=public.events")
    event = own.insert("user.verified", VERIFIED)
    own.board.process(event)
    assert own.board.state(event)[0] == "done"
    # Control: the mark hides it, if it is that high.
    own.board.execute("UPDATE fanout.reaction_marks SET last_sequence = 1000")
    hidden = own.insert("user.verified", VERIFIED)
    own.board.process(hidden)
    assert own.board.rows("SELECT FROM fanout.reactions WHERE event_id = %s", hidden) == []


def test_the_application_s_role_inserts_into_each_of_its_tables_as_before(
    own: Application,
) -> None:
    own.migrate()
    with own.database.connect() as connection:
        connection.execute("GRANT USAGE ON SCHEMA own TO own_application")
        connection.execute("GRANT INSERT ON ALL TABLES IN SCHEMA own, public TO own_application")
        connection.execute("SET ROLE own_application")
        insert(connection, "user.verified", VERIFIED)
        connection.execute("INSERT INTO public.profiles (id) VALUES (gen_random_uuid())")
        connection.execute(
            "INSERT INTO own.agent_tasks (id, event_id, task_type, agent_type, scheduled_for,"
            " context_json) VALUES (gen_random_uuid(), gen_random_uuid(), 't', 'a', now(), '{}')"
        )
        connection.execute(
            "INSERT INTO own.conversations (id, user_id)"
            " VALUES (gen_random_uuid(), gen_random_uuid())"
        )


def test_dead_events_of_the_application_are_in_the_view_of_dead_letters(own: Application) -> None:
    own.migrate()
    dead = own.insert("user.verified", {"userId": "no UUID"})
    own.board.process(dead)
    assert own.board.state(dead)[0] == "dead"
    assert own.board.rows(
        "SELECT event_id, payload ->> 'userId' FROM reactions.event_dead_letters"
    ) == [(dead, "no UUID")]


def test_captured_is_the_table_behind_the_view(databases: Databases) -> None:
    published = (
        "SELECT schemaname || '.' || tablename, attnames::text[] FROM pg_publication_tables"
        " WHERE pubname = 'fanout_events' AND tablename = 'events'"
    )
    with databases.migrated() as database, database.connect() as connection:
        migrate(database.dsn, family=Family.REACTIONS)
        columns = ["id", "created_at"]
        assert connection.execute(published).fetchall() == [("reactions.events", columns)]
        connection.execute(EVENTS)
        tables = read_tables(["events=public.events"])
        migrate(database.dsn, family=Family.REACTIONS, tables=tables)
        assert connection.execute(published).fetchall() == [("public.events", columns)]


def test_the_flag_and_the_variable_say_the_same(
    own: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", own.database.dsn)
    migrates = ["migrate", "--family", "reactions"]
    assert main([*migrates, "--table", "users=public.profiles"]) == 0
    assert "reactions.users is a view of public.profiles now" in capsys.readouterr().err
    monkeypatch.setenv("REACTION_TABLES", "events=public.events, users=public.profiles")
    # Other families have no use for it.
    assert main(["migrate", "--family", "kernel"]) == 0
    assert main(migrates) == 0
    assert "reactions.events is a view of public.events now" in capsys.readouterr().err
    assert main(migrates) == 0
    assert "the schema is up to date" in capsys.readouterr().err
    assert main([*migrates, "--table", "events"]) != 0


def test_doctor_knows_such_tables(own: Application) -> None:
    ours = found(own.database, "own tables")
    assert (ours.severity, ours.seen) == (
        Severity.OK,
        "every table of the schema reactions is our own",
    )
    own.migrate("events=public.events")
    view = found(own.database, "own tables")
    assert (view.severity, view.seen) == (
        Severity.OK,
        "reactions.events is a view of public.events",
    )
    own.board.execute("ALTER TABLE public.events ADD COLUMN tenant text NOT NULL")
    broken = found(own.database, "own tables")
    assert broken.severity is Severity.FAILED
    assert "public.events.tenant is NOT NULL without a default" in broken.seen
    assert broken.fix is not None
    assert broken.fix.startswith("ALTER TABLE public.events ALTER COLUMN tenant DROP NOT NULL;")


def test_a_view_that_shows_too_little_is_found_and_its_fix_shows_the_rest(own: Application) -> None:
    """As after an upgrade to a version that needs more columns."""
    own.migrate("users=public.profiles")
    own.board.execute("DROP VIEW reactions.users")
    own.board.execute("CREATE VIEW reactions.users AS SELECT id, verified FROM public.profiles")
    lacking = found(own.database, "own tables")
    assert (lacking.severity, lacking.seen) == (
        Severity.FAILED,
        "reactions.users does not show expertise, last_active_at of public.profiles",
    )
    assert lacking.fix is not None
    assert lacking.fix.endswith("migrate --family reactions --table users=public.profiles")
    assert own.migrate("users=public.profiles") == ["public.profiles"]
    assert found(own.database, "own tables").severity is Severity.OK


INVALID: Final = {
    "events": "invalid table 'events': expected NAME=SCHEMA.TABLE, such as events=public.events",
    "events=events": "invalid table 'events=events': expected NAME=SCHEMA.TABLE, such as",
    "persons=": "invalid table 'persons': expected events, users,",
    "persons=public.people": "invalid table 'persons': expected events, users,",
    "events=reactions.events": "invalid table 'reactions.events': expected one of another schema",
}


def test_an_invalid_table_is_named() -> None:
    for text, words in INVALID.items():
        with pytest.raises(UsageError) as refused:
            read_tables([text])
        assert str(refused.value).startswith(words)
    with pytest.raises(UsageError, match="users is named twice"):
        read_tables(["users=a.b", "users=a.c"])
    with pytest.raises(UsageError, match="users is named twice"):
        read_tables(["users=a.b", "users="])
    assert read_tables(["users=", "events=a.b"]).ours == ("users",)
    assert [each.own for each in read_tables(TABLES).given][:2] == [
        "public.events",
        "public.profiles",
    ]


def test_tables_need_the_family(own: Application) -> None:
    with pytest.raises(UsageError, match="add --family reactions"):
        migrate(
            own.database.dsn, family=Family.KERNEL, tables=read_tables(["events=public.events"])
        )
