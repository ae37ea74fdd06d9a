"""A look says ready only while everything works, and otherwise names each part with its fix."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from pipeline.ops.doctor.checks.stream import DEAD_SECONDS
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.ready.look import GONE_SECONDS, SESSION, Readiness, look
from pipeline.settings import DatabaseSettings
from pipeline.sinks.heartbeat import EVERY_SECONDS
from tests.databases import Database, Databases
from tests.ops.examination import beat, slot

RUN: Final = (
    "INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, next_attempt_at, state)"
    " VALUES ('retention', now(), now(), 'tick', now() + %s::interval, %s)"
)


def seen(database: Database, *graphs: str, dsn: str | None = None) -> Readiness:
    settings = DatabaseSettings(dsn=dsn or database.viewer_dsn)
    with Installation(database=settings, session=SESSION) as installation:
        return look(installation, graphs)


def mail(
    database: Database,
    due: str,
    state: str,
    *,
    priority: int = 2,
    channel: str = "email",
    ended: str | None = None,
) -> None:
    """Insert a delivery that is due at a time from now."""
    execute(
        database,
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, priority, state,"
        " next_attempt_at, lease_token, finished_at)"
        " VALUES (gen_random_uuid(), 'a', %s, 'r', 'k', %s, %s, now() + %s::interval,"
        " CASE %s WHEN 'leased' THEN gen_random_uuid() END, now() - %s::interval)",
        channel, priority, state, due, state, ended,
    )  # fmt: skip


def reaction(database: Database, due: str, state: str, *, ended: str | None = None) -> None:
    """Record an event of reactions that is due at a time from now."""
    execute(
        database,
        "INSERT INTO fanout.reactions (event_id, event_type, state, next_attempt_at, lease_token,"
        " finished_at) VALUES (gen_random_uuid(), 'user.verified', %s, now() + %s::interval,"
        " CASE %s WHEN 'leased' THEN gen_random_uuid() END, now() - %s::interval)",
        state, due, state, ended,
    )  # fmt: skip


def execute(database: Database, statement: str, *values: object) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode(), values)


def last_seen(database: Database, graph: str, seconds: float) -> None:
    execute(
        database,
        "INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host)"
        " VALUES (%s, now(), now() - make_interval(secs => %s), '0.2.0', 'worker-1')",
        graph,
        seconds,
    )


@contextmanager
def captured(database: Database) -> Iterator[None]:
    """Capture as it is while everything works."""
    with slot(database):
        beat(database, "2 seconds")
        yield


@pytest.fixture
def working(database: Database) -> Iterator[Database]:
    """A database where everything works."""
    with captured(database):
        last_seen(database, "fanout", 1)
        yield database


def test_while_everything_works_there_is_no_reason_and_each_part_was_looked_at(
    working: Database,
) -> None:
    ready = seen(working)
    assert ready.reasons == {}
    assert ready.is_ready
    assert list(ready.parts) == [
        *("database", "migrations", "slot", "heartbeat", "graphs", "job runs", "mails", "pushes")
    ]
    assert 1 <= ready.graphs["fanout"] < 60
    assert ready.oldest_run_seconds is None
    assert ready.oldest_delivery_seconds == {}


def test_a_killed_graph_is_gone_within_fifteen_seconds_and_a_late_one_is_not() -> None:
    # With the two seconds between two looks, and a second for the look itself.
    assert 2 * EVERY_SECONDS < GONE_SECONDS <= 15 - 2 - 1


@pytest.mark.parametrize(("seconds", "ready"), [(GONE_SECONDS - 5, True), (GONE_SECONDS, False)])
def test_a_graph_without_a_sign_of_life_is_a_reason(
    database: Database, seconds: float, *, ready: bool
) -> None:
    with captured(database):
        last_seen(database, "fanout", 1)
        last_seen(database, "jobs", seconds)
        found = seen(database)
    assert found.is_ready == ready
    if not ready:
        reason = found.reasons["graphs"]
        assert "jobs has given no sign of life for " in reason.seen
        assert "python -m pipeline run --graph jobs" in str(reason.fix)


def test_a_graph_that_nobody_expects_is_not_missed_and_one_that_is_expected_is(
    working: Database,
) -> None:
    last_seen(working, "jobs", 3_600)
    assert seen(working, "fanout").is_ready
    assert list(seen(working, "fanout", "jobs").reasons) == ["graphs"]
    execute(working, "DELETE FROM fanout.graphs WHERE graph = 'jobs'")
    assert seen(working).is_ready
    reason = seen(working, "fanout", "jobs").reasons["graphs"]
    assert reason.seen == "jobs never ran here"
    assert reason.fix == "start it: python -m pipeline run --graph jobs"


def test_where_no_graph_has_run_yet_nothing_is_ready(database: Database) -> None:
    with captured(database):
        reason = seen(database).reasons["graphs"]
    assert reason.seen == "no graph has run here yet"
    assert reason.fix == "start it: python -m pipeline run --graph fanout"


def test_a_slot_that_is_missing_or_that_nobody_reads_is_a_reason(database: Database) -> None:
    last_seen(database, "fanout", 1)
    reason = seen(database).reasons["slot"]
    assert reason.seen == "slot fanout_events does not exist: no event is captured"
    with slot(database, read=False):
        reason = seen(database).reasons["slot"]
    assert "nobody has read the slot" in reason.seen
    assert "start Debezium" in str(reason.fix)


def test_a_debezium_that_hangs_is_a_reason(database: Database) -> None:
    last_seen(database, "fanout", 1)
    with slot(database):
        beat(database, "2 minutes")
        assert list(seen(database).reasons) == ["heartbeat"]


def test_a_migration_that_is_missing_is_a_reason(working: Database) -> None:
    execute(working, "DELETE FROM public.fanout_migrations WHERE name = 'jobs/0010_told.sql'")
    reason = seen(working).reasons["migrations"]
    assert reason.seen == "1 file not applied, the first is jobs/0010_told.sql"
    assert reason.fix == "python -m pipeline migrate"


def test_a_database_that_was_never_migrated_has_one_reason(empty_database: Database) -> None:
    reasons = seen(empty_database, dsn=empty_database.dsn).reasons
    assert {name: each.seen for name, each in reasons.items()} == {"migrations": "none is applied"}


def test_a_database_with_the_kernel_alone_runs_no_graph_and_needs_no_capture(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    assert list(seen(empty_database, dsn=empty_database.dsn).parts) == ["database", "migrations"]
    reasons = seen(empty_database, "fanout", dsn=empty_database.dsn).reasons
    assert list(reasons) == ["graphs"]


@pytest.mark.parametrize(
    ("due", "state", "ready"),
    [
        ("-1 second", "pending", True),
        ("1 hour", "waiting", True),
        (f"-{DEAD_SECONDS + 1} seconds", "pending", False),
        (f"-{DEAD_SECONDS + 1} seconds", "waiting", False),
        # What is held back by a switch is not late.
        (f"-{DEAD_SECONDS + 1} seconds", "paused", True),
    ],
)
def test_a_run_of_a_job_that_has_been_due_for_long_is_a_reason(
    working: Database, due: str, state: str, *, ready: bool
) -> None:
    execute(working, RUN, due, state)
    found = seen(working)
    assert found.is_ready == ready
    if not ready:
        assert "a run of retention has been due for 5 min" in found.reasons["job runs"].seen


@pytest.mark.parametrize(
    ("due", "state", "ready"),
    [
        ("-1 second", "pending", True),
        ("1 hour", "waiting", True),
        ("infinity", "pending", True),
        (f"-{DEAD_SECONDS + 1} seconds", "pending", False),
        (f"-{DEAD_SECONDS + 1} seconds", "waiting", False),
        # Its worker is gone.
        (f"-{DEAD_SECONDS + 1} seconds", "leased", False),
        # What a switch holds back, or waits for a person, is not late.
        (f"-{DEAD_SECONDS + 1} seconds", "paused", True),
        (f"-{DEAD_SECONDS + 1} seconds", "held", True),
    ],
)
def test_a_mail_that_has_been_due_for_long_is_a_reason(
    working: Database, due: str, state: str, *, ready: bool
) -> None:
    mail(working, due, state)
    found = seen(working)
    assert found.is_ready == ready
    is_due = due.startswith("-") and state not in ("paused", "held")
    assert list(found.oldest_delivery_seconds) == (["mails"] if is_due else [])
    if not ready:
        assert list(found.reasons) == ["mails"]
        assert "a mail has been due for 5 min" in found.reasons["mails"].seen
        assert found.oldest_delivery_seconds["mails"] > DEAD_SECONDS


def test_mails_that_wait_for_the_rate_of_a_provider_are_no_reason(working: Database) -> None:
    for priority in range(4):
        mail(working, "-1 hour", "pending", priority=priority)
    mail(working, "-1 hour", "done", ended="2 minutes")
    mail(working, "-1 hour", "dead", ended="1 second")
    assert list(seen(working).reasons) == ["mails"]
    mail(working, "-1 hour", "done", ended="30 seconds")
    found = seen(working)
    assert found.is_ready
    assert found.oldest_delivery_seconds["mails"] > 3_590


def test_the_oldest_of_all_priorities_counts(working: Database) -> None:
    mail(working, "-10 seconds", "pending", priority=0)
    assert seen(working).is_ready
    mail(working, f"-{DEAD_SECONDS + 1} seconds", "pending", priority=3)
    assert list(seen(working).reasons) == ["mails"]


@pytest.mark.parametrize("channel", ["bus", "fcm", "webhook"])
def test_a_push_that_has_been_due_for_long_is_a_reason_and_says_nothing_of_mail(
    working: Database, channel: str
) -> None:
    mail(working, f"-{DEAD_SECONDS + 1} seconds", "pending", channel=channel)
    found = seen(working)
    assert list(found.reasons) == ["pushes"]
    assert "a push has been due for 5 min" in found.reasons["pushes"].seen
    assert "graph push" in (found.reasons["pushes"].fix or "")


@pytest.mark.parametrize(
    ("due", "state", "ready"),
    [
        (f"-{DEAD_SECONDS - 60} seconds", "pending", True),
        ("1 minute", "waiting", True),
        (f"-{DEAD_SECONDS + 1} seconds", "pending", False),
        # Its worker is gone.
        (f"-{DEAD_SECONDS + 1} seconds", "leased", False),
        # What a switch holds back, or has no handler, is not late.
        (f"-{DEAD_SECONDS + 1} seconds", "paused", True),
        (f"-{DEAD_SECONDS + 1} seconds", "unrouted", True),
    ],
)
def test_an_event_of_reactions_that_has_been_due_for_long_is_a_reason(
    databases: Databases, due: str, state: str, *, ready: bool
) -> None:
    with databases.with_reactions() as database:
        last_seen(database, "reactions", 1)
        assert list(seen(database, "reactions").parts) == [
            *("database", "migrations", "graphs", "job runs", "reactions")
        ]
        reaction(database, due, state)
        found = seen(database, "reactions")
        assert found.is_ready == ready
        is_due = due.startswith("-") and state not in ("paused", "unrouted")
        assert (found.oldest_reaction_seconds is not None) == is_due
        if not ready:
            assert list(found.reasons) == ["reactions"]
            assert "an event has been due for 5 min" in found.reasons["reactions"].seen
            assert "graph reactions" in (found.reasons["reactions"].fix or "")
            # As long as others are done, the graph works.
            reaction(database, "-1 hour", "done", ended="30 seconds")
            assert seen(database, "reactions").is_ready


def test_what_cannot_be_seen_is_not_ready(working: Database) -> None:
    with working.connect() as connection, connection.transaction():
        connection.execute("LOCK fanout.graphs, fanout.job_runs")
        reasons = seen(working).reasons
    assert {name: each.seen for name, each in reasons.items()} == {
        "graphs": "its table is locked",
        "job runs": "its table is locked",
    }
    execute(working, "REVOKE SELECT ON fanout.graphs FROM fanout_viewer")
    reason = seen(working).reasons["graphs"]
    assert reason.seen == "the service's login may not see it"
