"""The fan-out's statement writes the deliveries of mails that are sent at once."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.domain.delivery import DeliveryChannel, delivery_id
from pipeline.domain.identifiers import EventId, EventType, UserId
from pipeline.domain.record import RecordKey
from pipeline.facts.channels import channels_of
from pipeline.fanout.effects import Delivery, Email
from pipeline.fanout.outcome import Outcome, OutcomePage, Status
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.sinks.outcomes import write_outcomes
from tests.databases import Databases
from tests.golden.stage import Stage
from tests.golden.test_invite_accepted import accepted
from tests.golden.world import P1, R1, U1, U2, U3, U4, populate

DELIVERIES = (
    "SELECT id, cause, recipient, user_id, kind, source, source_id::bigint, priority, state,"
    " isfinite(next_attempt_at), expires_at - created_at BETWEEN interval '23:59' AND interval '1d'"
    " FROM fanout.deliveries ORDER BY sequence"
)


@pytest.fixture
def mailing(stage: Stage) -> Iterator[Stage]:
    switch_on(stage)
    yield stage
    channels_of.cache_clear()


def switch_on(stage: Stage) -> None:
    stage.execute("INSERT INTO fanout.channels (channel) VALUES ('email')")
    channels_of.cache_clear()


def mail_ids(stage: Stage) -> dict[Any, int]:
    return dict(stage.rows("SELECT user_id, id FROM pending_emails"))


def test_each_mail_that_is_sent_at_once_has_a_delivery_with_the_id_of_its_cause(
    mailing: Stage,
) -> None:
    event = accepted(mailing)
    mailing.deliver(event)
    mails = mail_ids(mailing)
    cause = RecordKey("domain_events", str(event))
    assert sorted(mailing.rows(DELIVERIES), key=lambda row: row[3]) == [
        (
            delivery_id(cause, DeliveryChannel.EMAIL, str(user)),
            *(str(cause), str(user), user, "invite_accepted", "pending_emails", mails[user]),
            *(2, "pending", True, True),
        )
        for user in sorted((U1, U2))
    ]


def test_an_event_that_is_delivered_again_makes_no_second_delivery(mailing: Stage) -> None:
    event = accepted(mailing)
    mailing.deliver(event)
    before = mailing.rows(DELIVERIES)
    mailing.execute("UPDATE notification_processing SET processing_status = 'failed'")
    mailing.deliver(event)
    assert mailing.ledger() == {event: "completed"}
    assert mailing.rows(DELIVERIES) == before


def test_a_mail_for_the_digest_has_no_delivery_yet(mailing: Stage) -> None:
    event = mailing.emit(
        "document_uploaded", {"fileName": "a.pdf"}, project_id=P1, resource_id=R1, actor_id=U1
    )
    mailing.deliver(event)
    assert {each.delivery for each in mailing.emails()} == {"aggregated"}
    assert mailing.rows(DELIVERIES) == []


def test_without_the_switch_no_mail_has_a_delivery(stage: Stage) -> None:
    stage.deliver(accepted(stage))
    assert stage.emails() != []
    assert stage.rows(DELIVERIES) == []


def test_a_switch_that_is_turned_off_counts_at_once_even_if_the_process_does_not_know_it(
    mailing: Stage,
) -> None:
    mailing.deliver(accepted(mailing))
    before = mailing.rows(DELIVERIES)
    mailing.execute("DELETE FROM fanout.channels")
    mailing.deliver(accepted(mailing))
    assert len(mailing.emails()) > len(before)
    assert mailing.rows(DELIVERIES) == before


def test_a_database_without_the_tables_of_mail_is_written_to_as_before(
    databases: Databases,
) -> None:
    with databases.empty() as database:
        migrate(database.dsn, reference_schema=True)
        with database.connect() as connection:
            populate(connection)
        stage = Stage(database)
        stage.deliver(accepted(stage))
        assert len(stage.emails()) == 2
        assert stage.rows("SELECT to_regclass('fanout.deliveries')") == [(None,)]
        # Mail comes later, while the fan-out runs.
        migrate(database.dsn, family=Family.MAIL)
        switch_on(stage)
        stage.deliver(accepted(stage))
        assert len(stage.rows(DELIVERIES)) == 2
    channels_of.cache_clear()


def page_of(event: int, user: UserId, before: UserId | None, *, last: bool) -> Outcome:
    email = Email(
        delivery=Delivery.IMMEDIATE, subject="s", data={}, project_id=None, project_name=None
    )
    return Outcome(
        event_id=EventId(event),
        event_type=EventType("x"),
        status=Status.COMPLETED,
        effects=((user, email),),
        page=OutcomePage(after=before, up_to=user, last=last),
    )


def test_nothing_of_an_event_with_pages_goes_out_before_its_last_page(mailing: Stage) -> None:
    event = mailing.emit("x")
    other = accepted(mailing)
    users = [UserId(user) for user in sorted((U1, U2, U3, U4))]
    before: UserId | None = None
    for user in users:
        is_last = user == users[-1]
        write_outcomes(mailing.settings, [page_of(event, user, before, last=is_last)])
        before = user
        finite = [row[9] for row in mailing.rows(DELIVERIES) if row[1] == f"domain_events:{event}"]
        assert finite == [is_last] * (users.index(user) + 1)
        if not is_last:
            # Control: that of another event does at once.
            mailing.deliver(other)
            assert {
                row[9] for row in mailing.rows(DELIVERIES) if row[1] == f"domain_events:{other}"
            } == {True}
