"""The fan-out writes a delivery to the bus for each notification and each counted message."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from pipeline.domain.delivery import DeliveryChannel, delivery_id
from pipeline.domain.identifiers import EventId, EventType, UserId
from pipeline.domain.record import RecordKey
from pipeline.facts.channels import channels_of
from pipeline.fanout.effects import Delivery, Email, Notification
from pipeline.fanout.outcome import Outcome, OutcomePage, Status
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.sinks.outcomes import write_outcomes
from tests.databases import Databases
from tests.golden.stage import Stage
from tests.golden.test_chat_message_sent import wrote
from tests.golden.test_invite_accepted import accepted
from tests.golden.world import P1, T1, U1, U2, U3, U4, populate

# What the deliveries to the bus say, and whether they are due and expire after the usual time.
PUSHES = (
    "SELECT cause, recipient, kind, source, source_id::bigint, collapse_key, state,"
    " deliver_at = created_at AND next_attempt_at = created_at AND isfinite(next_attempt_at),"
    " expires_at - created_at = interval '1 day', id"
    " FROM fanout.deliveries WHERE channel = 'bus' ORDER BY cause, recipient"
)


@pytest.fixture
def pushing(stage: Stage) -> Iterator[Stage]:
    switch_on(stage, "bus")
    yield stage
    channels_of.cache_clear()


def switch_on(stage: Stage, *channels: str) -> None:
    for channel in channels:
        stage.execute("INSERT INTO fanout.channels (channel) VALUES (%s)", channel)
    channels_of.cache_clear()


def push(
    event: int, user: UUID, kind: str, row: int, collapse_key: UUID | None = None
) -> tuple[Any, ...]:
    cause = RecordKey("domain_events", str(event))
    return (
        *(str(cause), str(user), kind, "notifications", row),
        *(collapse_key and str(collapse_key), "pending", True, True),
        delivery_id(cause, DeliveryChannel.BUS, str(user)),
    )


def rows_of(stage: Stage) -> dict[tuple[int, UUID], int]:
    """Return the ids of notifications, by event and person."""
    found = stage.rows("SELECT event_id, user_id, id FROM notifications")
    return {(event, user): row for event, user, row in found}


def test_each_notification_has_a_delivery_with_the_id_of_its_cause(pushing: Stage) -> None:
    event = accepted(pushing)
    pushing.deliver(event)
    rows = rows_of(pushing)
    assert len(rows) > 1
    assert pushing.rows(PUSHES) == sorted(
        push(event, user, "invite_accepted", row) for (_, user), row in rows.items()
    )


def test_each_counted_message_has_a_delivery_for_each_person_with_the_row_that_counts_it(
    pushing: Stage,
) -> None:
    first = wrote(pushing)
    pushing.deliver(first)
    # Two in one batch: the statement updates the counter once, and each has its own delivery.
    second, third = wrote(pushing), wrote(pushing)
    pushing.deliver(second, third)
    rows = rows_of(pushing)
    assert set(rows) == {(first, U2), (first, U3)}
    assert pushing.rows(PUSHES) == sorted(
        push(event, user, "chat_message_sent", rows[first, user], T1)
        for event in (first, second, third)
        for user in (U2, U3)
    )


def test_a_mention_and_a_counted_message_of_one_event_are_told_apart_by_person(
    pushing: Stage,
) -> None:
    event = wrote(pushing, full_content=f"hi @[Bob](user:{U2})", mentioned_user_ids=[str(U2)])
    pushing.deliver(event)
    rows = rows_of(pushing)
    assert pushing.rows(PUSHES) == sorted(
        [
            push(event, U2, "chat_message_sent", rows[event, U2]),
            push(event, U3, "chat_message_sent", rows[event, U3], T1),
        ]
    )


def test_who_muted_the_event_in_app_has_no_delivery(pushing: Stage) -> None:
    pushing.prefer(U2, "muted", project=P1)
    pushing.deliver(wrote(pushing))
    assert [row[1] for row in pushing.rows(PUSHES)] == [str(U3)]


def test_an_event_that_is_delivered_again_makes_no_second_delivery(pushing: Stage) -> None:
    events = accepted(pushing), wrote(pushing)
    pushing.deliver(*events)
    before = pushing.rows(PUSHES)
    pushing.execute("UPDATE notification_processing SET processing_status = 'failed'")
    pushing.deliver(*events)
    assert set(pushing.ledger().values()) == {"completed"}
    assert pushing.rows(PUSHES) == before


def test_without_the_switch_nothing_is_pushed_whether_mail_is_on_or_not(stage: Stage) -> None:
    stage.deliver(accepted(stage), wrote(stage))
    switch_on(stage, "email")
    stage.deliver(accepted(stage), wrote(stage))
    assert len(stage.notifications()) > 0
    assert stage.rows(PUSHES) == []
    assert stage.rows("SELECT DISTINCT channel FROM fanout.deliveries") == [("email",)]
    channels_of.cache_clear()


def test_a_switch_that_is_turned_off_counts_at_once_even_if_the_process_does_not_know_it(
    pushing: Stage,
) -> None:
    pushing.deliver(accepted(pushing))
    before = pushing.rows(PUSHES)
    pushing.execute("DELETE FROM fanout.channels")
    pushing.deliver(accepted(pushing), wrote(pushing))
    assert pushing.rows(PUSHES) == before


def test_mail_and_push_are_written_together(pushing: Stage) -> None:
    switch_on(pushing, "email")
    pushing.deliver(accepted(pushing))
    found = pushing.rows("SELECT channel, count(*) FROM fanout.deliveries GROUP BY 1 ORDER BY 1")
    assert found == [("bus", len(rows_of(pushing))), ("email", 2)]


def test_a_database_with_push_and_without_mail_is_written_to(databases: Databases) -> None:
    with databases.empty() as database:
        migrate(database.dsn, reference_schema=True, also=[Family.PUSH])
        with database.connect() as connection:
            populate(connection)
        stage = Stage(database)
        switch_on(stage, "bus")
        stage.deliver(accepted(stage), wrote(stage))
        assert stage.rows("SELECT to_regclass('fanout.transactional_mails')") == [(None,)]
        assert len(stage.rows(PUSHES)) == len(stage.notifications())
    channels_of.cache_clear()


def page_of(event: int, user: UserId, before: UserId | None, *, last: bool) -> Outcome:
    email = Email(
        delivery=Delivery.IMMEDIATE, subject="s", data={}, project_id=None, project_name=None
    )
    told = Notification(kind="x", title="t", body="b", link="/l")
    return Outcome(
        event_id=EventId(event),
        event_type=EventType("x"),
        status=Status.COMPLETED,
        effects=((user, told), (user, email)),
        page=OutcomePage(after=before, up_to=user, last=last),
    )


@pytest.mark.parametrize("channels", [("bus",), ("bus", "email")])
def test_nothing_of_an_event_with_pages_goes_out_before_its_last_page(
    stage: Stage, channels: tuple[str, ...]
) -> None:
    switch_on(stage, *channels)
    event = stage.emit("x")
    other = wrote(stage)
    before: UserId | None = None
    users = [UserId(user) for user in sorted((U1, U2, U3, U4))]
    for number, user in enumerate(users, 1):
        is_last = user == users[-1]
        write_outcomes(stage.settings, [page_of(event, user, before, last=is_last)])
        before = user
        due = "SELECT isfinite(next_attempt_at) FROM fanout.deliveries WHERE cause = %s"
        assert stage.rows(due, f"domain_events:{event}") == [(is_last,)] * number * len(channels)
        if not is_last:
            # Control: those of another event go out at once.
            stage.deliver(other)
            assert set(stage.rows(due, f"domain_events:{other}")) == {(True,)}
    channels_of.cache_clear()
