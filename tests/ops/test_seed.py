from collections import Counter
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pipeline.domain.errors import ConfigurationError, InvalidEvent
from pipeline.domain.payload import Payload
from pipeline.facts.rows import read_rows, used_keys
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.row import decode
from pipeline.ops.migrate import migrate
from pipeline.ops.sample.added import added_events
from pipeline.ops.seed import clear, seed, seed_events, seed_people
from tests.databases import Database
from tests.golden.stage import COLUMNS, Stage

MEETING = {"meeting_id", "meeting_title", "start_time", "end_time", "meeting_link"}
ACCESS = {
    "affected_user_id",
    "project_id",
    "project_name",
    "changed_by_id",
    "org_id",
    "org_name",
}
DOCUMENT_ACCESS = ACCESS | {"resource_id", "resource_name", "old_permission", "new_permission"}

# The fields that the application's producers write into each payload.
PRODUCED_KEYS = {
    "document_uploaded": {"fileName", "size", "mimeType", "rootResourceType", "source"},
    "chat_message_sent": {"message_id", "full_content", "mentioned_user_ids"},
    "thread_unread_stale": {
        "user_id",
        "thread_topic",
        "latest_message_at",
        "latest_sender_id",
        "anchor_last_read_at",
        "unread_count",
    },
    "meeting_invited": MEETING | {"invited_user_id"},
    "meeting_updated": MEETING | {"changes"},
    "meeting_reminder": MEETING | {"user_id", "reminder_minutes", "organizer_id"},
    "resume_incomplete_nudge": {"resume_type", "completion_percent", "nudge_tier", "user_id"},
    "invite_accepted": {
        "new_member_id",
        "new_member_name",
        "new_member_email",
        "invited_by",
        "org_id",
        "org_name",
        "project_grant_ids",
    },
    "project_access_granted": ACCESS | {"new_permission"},
    "project_access_changed": ACCESS | {"old_permission", "new_permission"},
    "project_access_revoked": ACCESS,
    "document_permission_granted": DOCUMENT_ACCESS,
    "document_permission_changed": DOCUMENT_ACCESS,
    "chat_thread_participant_added": {"thread_topic", "added_user_id", "thread_id"},
}

# The tables that seeding and the pipeline write.
TABLES = (
    "auth.users",
    "public.profiles",
    "public.orgs",
    "public.org_members",
    "public.projects",
    "public.project_access_grants",
    "public.resources",
    "public.permissions",
    "public.chat_threads",
    "public.chat_thread_participants",
    "public.project_messages",
    "public.meetings",
    "public.meeting_participants",
    "public.user_notification_preferences",
    "public.domain_events",
    "public.notification_processing",
    "public.notifications",
    "public.event_dead_letters",
)


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of those tables."""
    query = sql.SQL("SELECT * FROM {} ORDER BY 1, 2")
    with database.connect() as connection:
        return {
            table: connection.execute(query.format(sql.Identifier(*table.split(".")))).fetchall()
            for table in TABLES
        }


def decoded(database: Database) -> list[Event[Payload] | Unrouted | InvalidEvent]:
    """Every event of the database as the pipeline understands it, in order."""
    payloads = {name: handler.payload for name, handler in HANDLERS.items()}
    results: list[Event[Payload] | Unrouted | InvalidEvent] = []
    with database.connect() as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM public.domain_events")]
        rows = read_rows(connection, ids, used_keys(payloads))
    assert rows.missing == []
    for row in sorted(rows.found, key=lambda each: each.id):
        try:
            results.append(decode(row, payloads))
        except InvalidEvent as error:
            results.append(error)
    return results


def test_every_seeded_event_is_understood_but_one_malformed_and_one_unknown(
    database: Database,
) -> None:
    events = seed(database.dsn)
    kinds = Counter(type(result) for result in decoded(database))
    assert kinds == {Event: len(events) - 2, Unrouted: 1, InvalidEvent: 1}
    assert len(events) == 24


def test_there_are_events_of_every_type_with_a_handler(database: Database) -> None:
    seed(database.dsn)
    types = {result.type for result in decoded(database) if isinstance(result, Event)}
    assert types == set(HANDLERS) == set(PRODUCED_KEYS)


def test_payloads_have_the_keys_that_the_producers_write(database: Database) -> None:
    seed(database.dsn)
    with database.connect() as connection:
        for event_type, payload in connection.execute(
            "SELECT event_type, payload FROM public.domain_events WHERE event_type = ANY (%s)",
            [list(PRODUCED_KEYS)],
        ):
            assert set(payload) == PRODUCED_KEYS[event_type]


def test_every_type_reaches_someone_and_two_like_nudges_reach_them_once(
    database: Database,
) -> None:
    stage = Stage(database)
    events = seed(database.dsn)
    stage.deliver(*events)
    told: dict[str, int] = dict(
        stage.rows(
            "SELECT event_type, sum(notifications + emails) FROM notification_processing"
            " WHERE processing_status = 'completed' GROUP BY event_type"
        )
    )
    assert set(told) == set(HANDLERS)
    assert min(told.values()) > 0
    assert told["resume_incomplete_nudge"] == 2
    assert set(stage.ledger().values()) == {"completed", "unrouted", "dead"}


def test_a_chat_event_tells_of_a_message_in_its_thread(database: Database) -> None:
    seed(database.dsn)
    with database.connect() as connection:
        told = connection.execute(
            """
            SELECT count(*), count(message.id)
            FROM public.domain_events AS event
            LEFT JOIN public.project_messages AS message
                ON message.id = (event.payload ->> 'message_id')::bigint
                AND message.thread_id = event.thread_id
                AND message.user_id = event.actor_id
                AND message.content = event.payload ->> 'full_content'
            WHERE event_type = 'chat_message_sent'
            """
        ).fetchone()
    assert told is not None
    assert told[0] == told[1] > 0


def test_events_happen_now_and_one_after_the_other(database: Database) -> None:
    seed_people(database.dsn)
    with database.connect() as connection:
        before = connection.execute("SELECT clock_timestamp()").fetchone()
        events = list(seed_events(database.dsn))
        times = connection.execute(
            "SELECT id, created_at FROM public.domain_events ORDER BY created_at"
        ).fetchall()
    assert before is not None
    assert [event_id for event_id, _ in times] == events == sorted(events)
    assert times[0][1] > before[0]
    assert len({created_at for _, created_at in times}) == len(events)


def test_two_databases_get_the_same_people_and_payloads(
    database: Database, empty_database: Database
) -> None:
    migrate(empty_database.dsn, reference_schema=True)
    query = b"""
        SELECT event_type, actor_id, project_id, resource_id, thread_id, meeting_id,
            payload - 'message_id' - 'latest_message_at'
        FROM public.domain_events ORDER BY id
    """
    found = []
    for each in (database, empty_database):
        seed(each.dsn)
        with each.connect() as connection:
            found.append(connection.execute(query).fetchall())
    assert found[0] == found[1]


def test_seeding_people_again_changes_nothing(database: Database) -> None:
    seed_people(database.dsn)
    once = contents(database)
    seed_people(database.dsn)
    assert contents(database) == once


def test_seeding_events_again_lets_everything_happen_again(database: Database) -> None:
    first = seed(database.dsn)
    second = list(seed_events(database.dsn))
    assert len(second) == len(first)
    assert min(second) > max(first)


def test_events_are_refused_before_the_people(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="seed them before the events"):
        list(seed_events(database.dsn))


def test_a_database_without_tables_is_told_to_migrate(empty_database: Database) -> None:
    with pytest.raises(ConfigurationError, match="pipeline migrate"):
        seed(empty_database.dsn)


def test_clearing_takes_the_sample_and_what_followed_and_leaves_the_rest(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(
            """
            INSERT INTO auth.users (id) VALUES ('a0000000-0000-4000-8000-000000000001');
            INSERT INTO public.profiles (id, email, app_role) VALUES
                ('a0000000-0000-4000-8000-000000000001', 'ida@example.test', 'borrower');
            INSERT INTO public.domain_events (event_type) VALUES ('invite_accepted');
            INSERT INTO public.event_dead_letters
                (letter_key, event_id, stage, error_class, message, fingerprint)
            SELECT 'event:' || id, id, 'decode', 'InvalidEvent', 'a bug', 'f00d'
            FROM public.domain_events;
            """
        )
        before = contents(database)
        events = seed(database.dsn)
        connection.execute(
            """
            INSERT INTO public.notification_processing (event_id, processing_status)
            SELECT id, 'completed' FROM public.domain_events WHERE id = ANY (%s)
            """,
            [events],
        )
        connection.execute(
            """
            INSERT INTO public.event_dead_letters
                (letter_key, event_id, stage, error_class, message, fingerprint)
            SELECT 'event:' || id, id, 'decode', 'InvalidEvent', 'a bug', 'f00d'
            FROM public.domain_events WHERE id = ANY (%s)
            """,
            [events],
        )
        connection.execute(
            """
            INSERT INTO public.notifications (event_id, user_id, title)
            SELECT id, actor_id, 'hello' FROM public.domain_events
            WHERE id = ANY (%s) AND actor_id IS NOT NULL
            """,
            [events],
        )
    assert clear(database.dsn) == len(events)
    assert contents(database) == before


def test_clearing_refuses_a_database_that_was_never_seeded(database: Database) -> None:
    before = contents(database)
    with pytest.raises(ConfigurationError, match="does not hold the sample data"):
        clear(database.dsn)
    assert contents(database) == before


def test_clearing_twice_refuses_the_second_time(database: Database) -> None:
    seed(database.dsn)
    clear(database.dsn)
    with pytest.raises(ConfigurationError, match="nothing to clear"):
        clear(database.dsn)


def test_the_pipelines_own_role_may_not_seed(database: Database) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^permission denied for .*: seed as the owner of"
    ):
        seed(database.writer_dsn)
    with psycopg.connect(database.dsn) as connection:
        found = connection.execute("SELECT count(*) FROM public.orgs").fetchone()
    assert found == (0,)


def test_a_login_that_is_refused_says_which_part_of_the_address_to_correct(
    database: Database,
) -> None:
    with pytest.raises(ConfigurationError, match=r"; correct user and password in DATABASE_URL$"):
        seed(make_conninfo(database.dsn, password="x"))  # noqa: S106 - it is wrong


def test_a_type_that_the_sample_does_not_know_is_told_by_its_own_example(
    database: Database,
) -> None:
    seed_people(database.dsn)
    stage = Stage(database)
    events = list(added_events(HANDLERS.values(), []))
    assert [event.event_type for event in events] == list(HANDLERS)
    for event in events:
        columns = {name: getattr(event, name) for name in COLUMNS}
        stage.emit(event.event_type, event.payload, **columns)
    stage.deliver()
    assert set(stage.ledger().values()) == {"completed"}
    told = dict(
        stage.rows("SELECT event_type, notifications + emails FROM notification_processing")
    )
    assert [name for name, rows in told.items() if rows == 0] == []
    [known, *_] = events
    assert known.event_type not in {
        event.event_type for event in added_events(HANDLERS.values(), [known])
    }
