"""What the link in a mail mutes: exactly its mails, for good, whatever the person chose before."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import EventType, ProjectId, ThreadId, UserId
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.preferences import PreferenceRow, Scope, Verdict, resolve
from pipeline.mail.subscription import DIGEST, DIGEST_TYPES, MailSubscription, SubscriptionScope
from pipeline.ops.mail.unsubscribe import end_subscription
from pipeline.settings import DatabaseSettings
from tests.databases import Database, Databases
from tests.golden.stage import D, Stage
from tests.golden.world import P1, T1, U2, U3, populate

NUDGE: Final = "resume_incomplete_nudge"
MAILED: Final = sorted(name for name, each in HANDLERS.items() if Channel.EMAIL in each.channels)


def ended(kind: str, user: UUID = U2, **scope: Any) -> MailSubscription:  # noqa: ANN401
    return MailSubscription(user_id=UserId(user), event_type=kind, **scope)


def end(database: Database, kind: str, user: UUID = U2, **scope: Any) -> int:  # noqa: ANN401
    settings = DatabaseSettings(dsn=database.operator_dsn)
    return end_subscription(settings, ended(kind, user, **scope))


def read(connection: psycopg.Connection, user: UUID) -> list[PreferenceRow]:
    rows = connection.execute(
        "SELECT id, scope_type, scope_id, event_type, channel, status, updated_at"
        " FROM user_notification_preferences WHERE user_id = %s",
        [user],
    )
    return [
        PreferenceRow(id_, Scope[scope.upper()], scope_id, kind, channel, status, at)
        for id_, scope, scope_id, kind, channel, status, at in rows
    ]


def verdicts(rows: list[PreferenceRow]) -> dict[tuple[str, str, bool, bool], Verdict]:
    """The answer for each mailed type and channel, in the thread or not, in the project or not."""
    return {
        (name, channel, thread, project): resolve(
            rows,
            HANDLERS[EventType(name)].preference,
            channel,
            thread_id=ThreadId(T1) if thread else None,
            project_id=ProjectId(P1) if project else None,
        )
        for name in MAILED
        for channel in Channel
        for thread in (False, True)
        for project in (False, True)
    }


@pytest.fixture(scope="module")
def shared(databases: Databases) -> Iterator[Database]:
    with databases.migrated() as database:
        with database.connect() as connection:
            populate(connection)
        yield database
        close_pools()


scopes = st.sampled_from([("global", None), ("project", P1), ("thread", T1)])
rows_before = st.lists(
    st.tuples(
        scopes,
        st.sampled_from(["*", *MAILED]),
        st.sampled_from(["email", "*", "in_app"]),
        st.sampled_from(["muted", "digest", "immediate"]),
        st.integers(0, 3),
    ),
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=rows_before, kind=st.sampled_from([DIGEST, NUDGE]))
def test_whatever_was_chosen_before_these_mails_end_and_nothing_else_does(
    shared: Database, before: list[tuple[Any, ...]], kind: str
) -> None:
    """By the rules with which events are decided, everywhere."""
    with shared.connect() as connection:
        connection.execute("DELETE FROM user_notification_preferences")
        for (scope, scope_id), name, channel, status, day in before:
            at = datetime(2026, 1, 1 + day, tzinfo=UTC)
            connection.execute(
                "INSERT INTO user_notification_preferences (user_id, scope_type, scope_id,"
                " event_type, channel, status, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [U2, scope, scope_id, name, channel, status, at],
            )
        was = verdicts(read(connection, U2))
        end(shared, kind)
        now = verdicts(read(connection, U2))
    for key, verdict in now.items():
        name, channel, _, _ = key
        ends = name == kind or (kind == DIGEST and (name in DIGEST_TYPES or was[key].digest))
        if channel == Channel.EMAIL and ends:
            assert verdict.muted, key
        else:
            assert verdict.muted == was[key].muted, key
    assert end(shared, kind) == 0


def test_the_next_nudge_is_not_mailed_and_why_says_so(stage: Stage) -> None:
    """Control: before, it is."""
    event = stage.emit("thread_unread_stale", {"user_id": str(U2)}, project_id=P1, thread_id=T1)
    stage.deliver(event)
    assert len(stage.emails()) == 1
    assert end(stage.database, DIGEST) == len(DIGEST_TYPES)
    event = stage.emit("thread_unread_stale", {"user_id": str(U2)}, project_id=P1, thread_id=T1)
    stage.deliver(event)
    assert len(stage.emails()) == 1
    assert stage.decisions() == [D(U2, event, "email", "muted:global")]


def test_it_is_written_once_with_an_audit_row_that_names_nobody(stage: Stage) -> None:
    database = stage.database
    assert end(database, NUDGE) == 1
    assert end(database, NUDGE) == 0
    assert stage.rows(
        "SELECT user_id, scope_type, scope_id, event_type, channel, status"
        " FROM user_notification_preferences"
    ) == [(U2, "global", None, NUDGE, "email", "muted")]
    person = hashlib.sha256(str(U2).encode()).hexdigest()
    assert stage.rows("SELECT who, identity, action, target, status, result FROM fanout.audit") == [
        (
            "the link in a mail",
            "link",
            "unsubscribe",
            f"person_sha256={person}",
            None,
            f"muted by e-mail: {NUDGE}",
        )
    ]
    assert stage.rows("SELECT finished_at IS NOT NULL FROM fanout.audit") == [(True,)]


def test_who_changes_their_mind_gets_the_mails_again_until_the_next_click(stage: Stage) -> None:
    database = stage.database
    end(database, NUDGE)
    stage.execute("UPDATE user_notification_preferences SET status = 'immediate'")
    assert end(database, NUDGE) == 1
    assert stage.rows("SELECT status FROM user_notification_preferences") == [("muted",)]
    stage.execute("DELETE FROM user_notification_preferences")
    assert end(database, NUDGE) == 1


def test_a_link_may_be_of_one_project_or_thread_only(stage: Stage) -> None:
    assert end(stage.database, NUDGE, scope=SubscriptionScope.PROJECT, scope_id=P1) == 1
    assert end(stage.database, NUDGE, U3, scope=SubscriptionScope.THREAD, scope_id=T1) == 1
    assert stage.rows(
        "SELECT user_id, scope_type, scope_id FROM user_notification_preferences ORDER BY 2"
    ) == [(U2, "project", P1), (U3, "thread", T1)]


def test_two_clicks_at_once_write_one_row(stage: Stage) -> None:
    """No unique key would prevent a second row: the scope everywhere has no id."""
    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(lambda _: end(stage.database, NUDGE), range(8)))
    assert sorted(changed) == [0] * 7 + [1]
    assert stage.rows("SELECT count(*) FROM user_notification_preferences") == [(1,)]
    assert stage.rows("SELECT count(*) FROM fanout.audit") == [(1,)]


def test_nobody_is_nobody(stage: Stage) -> None:
    assert end(stage.database, NUDGE, uuid4()) == 0
    assert stage.rows("SELECT count(*) FROM fanout.audit") == [(0,)]


def test_only_an_operator_and_only_through_the_function(stage: Stage) -> None:
    viewer = DatabaseSettings(dsn=stage.database.viewer_dsn)
    with pytest.raises(ConfigurationError, match="fanout_operator"):
        end_subscription(viewer, ended(NUDGE))
    with (
        psycopg.connect(stage.database.operator_dsn, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM user_notification_preferences")
