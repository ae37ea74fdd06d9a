"""What is left out before a mail is sent, and why."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.identifiers import ProjectId, ThreadId
from pipeline.fanout.effects import Channel
from pipeline.fanout.preferences import Preference, PreferenceRow, Scope, resolve
from pipeline.settings import DatabaseSettings
from pipeline.steps.mail.check import REASONS
from pipeline.steps.mail.material import _EVENT_MAILS
from tests.golden.stage import Stage
from tests.golden.world import P1, T1, U2, U4
from tests.steps.mail.desk import MailDesk

Change = Callable[[MailDesk], None]


def read(desk: MailDesk) -> None:
    desk.execute(
        "INSERT INTO notifications (user_id, event_id, title, kind, read_at)"
        " SELECT user_id, event_id, 't', 'k', now() FROM pending_emails"
    )


def mute(desk: MailDesk) -> None:
    desk.stage.prefer(U4, "muted", name="project_access_granted", channel="email")


def lose(desk: MailDesk) -> None:
    desk.execute("DELETE FROM project_access_grants WHERE user_id = %s", U4)


def suppress(desk: MailDesk) -> None:
    desk.execute(
        "INSERT INTO fanout.suppressions (address_hash, reason)"
        " VALUES (fanout.address_hash('U4@X.test '), 'bounced')"
    )


def lose_address(desk: MailDesk) -> None:
    desk.execute("UPDATE profiles SET email = '' WHERE id = %s", U4)


def supersede(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.deliveries SET collapse_key = 'c'")
    desk.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, collapse_key,"
        " next_attempt_at) SELECT gen_random_uuid(), 'x:1', channel, recipient, kind, 'c',"
        " 'infinity' FROM fanout.deliveries"
    )


def expire(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.deliveries SET expires_at = now()")


CHANGES: dict[str, Change] = {
    "read": read,
    "muted": mute,
    "no_access": lose,
    "suppressed": suppress,
    "no_address": lose_address,
    "superseded": supersede,
    "expired": expire,
}


def waiting(desk: MailDesk) -> None:
    """A mail about a project that waits in the ledger."""
    desk.email(U4, event_type="project_access_granted", project_id=P1, project_name="Tower")
    desk.execute("UPDATE fanout.rate_limits SET blocked_until = now() + interval '1 hour'")
    desk.run()
    assert [row[0] for row in desk.deliveries()] == ["pending"]
    desk.execute("UPDATE fanout.rate_limits SET blocked_until = NULL")


@pytest.mark.parametrize("word", CHANGES)
def test_what_is_not_wanted_any_more_is_not_sent_and_says_why(desk: MailDesk, word: str) -> None:
    waiting(desk)
    CHANGES[word](desk)
    desk.run()
    assert desk.server.asked == []
    state = "expired" if word == "expired" else "cancelled"
    assert desk.rows("SELECT state, reason FROM fanout.deliveries ORDER BY sequence LIMIT 1") == [
        (state, REASONS[word])
    ]
    assert desk.attempts() == [(1, state, word)]
    assert desk.emails() == [("failed", True)]


def test_control_what_nothing_speaks_against_is_sent(desk: MailDesk) -> None:
    waiting(desk)
    desk.run()
    assert desk.emails() == [("sent", True)]


def test_who_is_in_the_thread_gets_its_mail_without_access_to_the_project(desk: MailDesk) -> None:
    kind = "chat_thread_participant_added"
    desk.email(U4, event_type=kind, project_id=P1)
    desk.execute("UPDATE domain_events SET thread_id = %s", T1)
    desk.execute("DELETE FROM project_access_grants WHERE user_id = %s", U4)
    desk.execute("DELETE FROM chat_thread_participants WHERE user_id = %s", U4)
    desk.execute(
        "INSERT INTO chat_thread_participants (thread_id, user_id) VALUES (%s, %s)", T1, U4
    )
    desk.run()
    assert desk.emails() == [("sent", True)]
    # Control: who has left the thread does not.
    desk.email(U4, event_type=kind, project_id=P1)
    desk.execute("UPDATE domain_events SET thread_id = %s", T1)
    desk.execute("DELETE FROM chat_thread_participants WHERE user_id = %s", U4)
    desk.pass_time(0)
    desk.run()
    assert desk.emails() == [("sent", True), ("failed", True)]


def test_a_critical_mail_passes_what_the_person_set_but_no_suppression(desk: MailDesk) -> None:
    waiting(desk)
    desk.execute("UPDATE fanout.deliveries SET priority = 0")
    read(desk)
    # Whoever unsubscribes from this type mutes it by its name: only that counts.
    desk.stage.prefer(U4, "muted", channel="email")
    desk.run()
    assert desk.emails() == [("sent", True)]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["global", "project", "thread"]),
        st.sampled_from([P1, T1, UUID(int=7)]),
        st.sampled_from(["chat_thread_participant_added", "*", "other"]),
        st.sampled_from(["email", "in_app", "*", "push"]),
        st.sampled_from(["muted", "immediate", "digest"]),
        st.integers(0, 3),
    ),
    max_size=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_the_statement_mutes_exactly_what_the_rule_mutes(
    stage: Stage,
    rows: list[tuple[str, UUID, str, str, str, int]],
) -> None:
    stage.execute("DELETE FROM pending_emails")
    stage.execute("DELETE FROM user_notification_preferences")
    event = stage.emit("chat_thread_participant_added", {}, project_id=P1, thread_id=T1)
    [(email,)] = stage.rows(
        "INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, subject,"
        " body_data, project_id) VALUES (%s, %s, 'chat_thread_participant_added', 'immediate',"
        " 's', '{}', %s) RETURNING id",
        U2, event, P1,
    )  # fmt: skip
    start = datetime(2026, 3, 2, tzinfo=UTC)
    known = []
    for scope, scope_id, event_type, channel, status, minute in rows:
        given_id = None if scope == "global" else scope_id
        row = PreferenceRow(
            id=uuid4(),
            scope=Scope[scope.upper()],
            scope_id=given_id,
            event_type=event_type,
            channel=channel,
            status=status,
            updated_at=start + timedelta(minutes=minute),
        )
        inserted = stage.rows(
            "INSERT INTO user_notification_preferences (id, user_id, scope_type, scope_id,"
            " event_type, channel, status, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            row.id, U2, scope, given_id, event_type, channel, status, row.updated_at,
        )  # fmt: skip
        known += [row] if inserted else []
    verdict = resolve(
        known,
        Preference("chat_thread_participant_added", Scope.THREAD),
        Channel.EMAIL,
        thread_id=ThreadId(T1),
        project_id=ProjectId(P1),
    )
    found = with_connection(
        DatabaseSettings(dsn=stage.database.sender_dsn),
        lambda connection: connection.execute(
            _EVENT_MAILS, {"ids": [email], "critical": []}
        ).fetchone(),
    )
    assert found is not None
    assert (found[-1] == "muted") is verdict.muted
