"""Transactional mails through the real graph: queued by an application, taken by the provider."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import psycopg
import pytest

from local.loopback import DROPPED_BEFORE
from local.resend import ResendServer
from local.resend.faults import fault
from pipeline.clients.postgres.pool import close_pools
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.producer import Booking, queue_booking_confirmation, queue_magic_link
from pipeline.steps.mail.claim import claims_of
from tests.databases import Databases
from tests.golden.stage import Stage
from tests.producer.post import queue
from tests.steps.mail.desk import MailDesk

ANN: Final = "ann@host.test"
MARKER: Final = "marker7f3a"
LINK: Final = f"https://acme.test/in?token={MARKER}"
HOUR: Final = 3_600
QUEUED: Final = "SELECT state, error_class, reason FROM fanout.deliveries ORDER BY sequence"


@pytest.fixture
def alone(databases: Databases, resend: ResendServer) -> Iterator[MailDesk]:
    """A desk in a database with mail alone."""
    with databases.empty() as database:
        migrate(database.dsn, family=Family.MAIL)
        desk = MailDesk(Stage(database), resend)
        desk.switch_on()
        desk.forget()
        yield desk
        desk.forget()
        close_pools()


def link(desk: MailDesk, **options: object) -> UUID:
    with psycopg.connect(desk.stage.database.producer_dsn, autocommit=True) as connection:
        return queue_magic_link(connection, ANN, LINK, **options)  # type: ignore[arg-type]


def raw(desk: MailDesk, **given: object) -> UUID:
    """Queue without the checks of the helper."""
    with psycopg.connect(desk.stage.database.producer_dsn, autocommit=True) as connection:
        return queue(connection, **{"recipient_email": ANN, **given})


def written(desk: MailDesk) -> str:
    """All that is in the tables that people may look at."""
    return str(
        [
            desk.rows("SELECT each::text FROM fanout.deliveries AS each"),
            desk.rows("SELECT each::text FROM fanout.attempts AS each"),
            desk.rows("SELECT each::text FROM fanout.switches AS each"),
            desk.rows("SELECT each::text FROM fanout.transactional_mails AS each"),
        ]
    )


def test_a_link_is_sent_once_and_its_secret_is_gone(
    desk: MailDesk, caplog: pytest.LogCaptureFixture
) -> None:
    mail = link(desk, dedupe_key="k")
    link(desk, dedupe_key="k")
    assert MARKER in written(desk)
    desk.run(2)
    [sent] = desk.server.accepted
    assert (sent.key, sent.to) == (str(mail), [ANN])
    assert sent.content["subject"] == "Sign in to Acme"
    assert LINK in sent.content["text"]
    assert desk.deliveries() == [("done", 1, 0)]
    for secret in (MARKER, ANN):
        assert secret not in written(desk)
        assert secret not in caplog.text


def test_it_needs_no_table_of_an_application(alone: MailDesk) -> None:
    with psycopg.connect(alone.stage.database.producer_dsn, autocommit=True) as connection:
        queue_booking_confirmation(connection, ANN, Booking(external_id="B7"))
    alone.run()
    [sent] = alone.server.accepted
    assert sent.content["subject"] == "Booking Confirmation - B7"
    assert alone.deliveries() == [("done", 1, 0)]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"payload": f'{{"x": "{MARKER}"}}'}, "payload invalid: magic_link: it is missing"),
        (
            {"payload": f'{{"magic_link": "javascript:{MARKER}"}}'},
            "payload invalid: magic_link: an http or https link",
        ),
        (
            {"payload": f'{{"magic_link": "https://elsewhere.test/{MARKER}"}}'},
            "payload invalid: magic_link: an http or https link",
        ),
        (
            {"type": "booking_confirmation", "payload": f'{{"check_in": "{MARKER}"}}'},
            "payload invalid: external_booking_id: it is missing",
        ),
        ({"type": "moon_rose"}, "unknown type: expected "),
        ({"recipient_email": f"{MARKER}@-x.test"}, "invalid e-mail address"),
    ],
)
def test_f56_what_cannot_be_written_is_dead_at_once_and_nobody_is_asked(
    desk: MailDesk, given: dict[str, object], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw(desk, **given)
    desk.run(2)
    [(state, _, reason)] = desk.rows(QUEUED)
    assert state == "dead"
    assert reason.startswith(says)
    assert desk.server.asked == []
    assert desk.deliveries() == [("dead", 1, 1)]
    assert MARKER not in written(desk)
    assert MARKER not in caplog.text


def test_a_link_that_has_run_out_is_not_sent(desk: MailDesk) -> None:
    link(desk, valid_hours=1)
    desk.pass_time(HOUR - 60)
    desk.server.fail_next(fault(503, "service_unavailable"))
    desk.run()
    desk.pass_time(60)
    desk.run()
    assert desk.rows("SELECT state FROM fanout.deliveries") == [("expired",)]
    assert len(desk.server.asked) == 1


def test_a_link_that_has_run_out_is_not_repeated_to_a_provider_that_may_have_it(
    desk: MailDesk,
) -> None:
    link(desk, valid_hours=1)
    desk.server.fail_next(DROPPED_BEFORE)
    desk.run()
    [(asked,)] = desk.rows("SELECT asked_at IS NOT NULL FROM fanout.deliveries")
    assert asked
    desk.pass_time(HOUR)
    desk.run()
    assert desk.rows("SELECT state FROM fanout.deliveries") == [("expired",)]
    assert len(desk.server.asked) == 1


def test_a_mail_that_stays_true_is_repeated(desk: MailDesk) -> None:
    """Control of the test before: it is the expiry that ends the mail."""
    link(desk, valid_hours=2)
    desk.server.fail_next(DROPPED_BEFORE)
    desk.run()
    desk.pass_time(HOUR)
    desk.run()
    assert desk.deliveries()[0][0] == "done"
    assert len(desk.server.asked) == 2


def test_what_was_erased_is_cancelled(desk: MailDesk) -> None:
    link(desk)
    desk.execute("UPDATE fanout.transactional_mails SET address = NULL, payload = NULL")
    desk.run()
    assert desk.rows("SELECT state FROM fanout.deliveries") == [("cancelled",)]
    assert desk.server.asked == []


@pytest.mark.parametrize(
    ("reason", "state"),
    [("bounced", "cancelled"), ("complained", "cancelled"), ("unsubscribed", "done")],
)
def test_who_left_digests_still_gets_links_and_a_dead_address_gets_nothing(
    desk: MailDesk, reason: str, state: str
) -> None:
    desk.execute(
        "INSERT INTO fanout.suppressions (address_hash, reason)"
        " VALUES (fanout.address_hash(%s), %s)",
        ANN,
        reason,
    )
    link(desk)
    desk.run()
    assert [row[0] for row in desk.deliveries()] == [state]
    assert len(desk.server.asked) == (state == "done")


def test_a_link_passes_what_was_queued_before_it(desk: MailDesk) -> None:
    for _ in range(3):
        raw(desk, type="booking_confirmation", payload='{"external_booking_id": "B7"}')
    raw(desk, priority="low")
    urgent = link(desk)
    [lease] = claims_of(desk.sender).claim(most=1).leases
    assert lease.values["id"] == urgent
