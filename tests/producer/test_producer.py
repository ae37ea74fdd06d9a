"""The typed helper: what it queues, what it refuses before Postgres sees it, what it loads."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from pipeline.domain.delivery import Priority
from pipeline.domain.errors import FanoutError
from pipeline.mail.compose import compose
from pipeline.mail.material import Recipient, Transactional
from pipeline.producer import Booking, queue_booking_confirmation, queue_magic_link, queue_mail
from tests.mail.desk import BRAND
from tests.producer.post import ADDRESS, Post

MARKER: Final = "marker7f3a"
LINK: Final = "https://capmatch.com/in?token=7"
BOOKING: Final = Booking(
    external_id="BK-7",
    id=uuid4(),
    check_in=date(2026, 12, 25),
    check_out=datetime(2026, 12, 28, 9, tzinfo=UTC),
)
Queue = Callable[[psycopg.Connection[Any]], UUID]


@pytest.mark.parametrize(
    ("queue", "subject", "says"),
    [
        (lambda to: queue_magic_link(to, ADDRESS, LINK), "Sign in to CapMatch", LINK),
        (
            lambda to: queue_booking_confirmation(to, ADDRESS, BOOKING),
            "Booking Confirmation - BK-7",
            "December 28, 2026",
        ),
    ],
)
def test_what_is_queued_is_what_the_sender_writes(
    lonely: Post, queue: Queue, subject: str, says: str
) -> None:
    with lonely.producer() as connection:
        mail = queue(connection)
    [(kind, address, payload)] = lonely.rows(
        "SELECT kind, address, payload FROM fanout.transactional_mails"
        " JOIN fanout.deliveries ON id = delivery_id WHERE id = %s",
        mail,
    )
    composed = compose(Transactional(type=kind, payload=payload), Recipient(address), BRAND)
    assert composed.subject == subject
    assert says in composed.text


def test_the_options_arrive(lonely: Post) -> None:
    person, later = uuid4(), datetime(2030, 1, 1, tzinfo=UTC)
    ends = later.replace(year=2031)
    with lonely.producer() as connection:
        mail, again = (
            queue_booking_confirmation(
                connection,
                " Ann@Bücher.example ",
                BOOKING,
                user_id=person,
                dedupe_key=f"booking:{person}",
                priority=Priority.HIGH,
                deliver_at=later,
                expires_at=ends,
            )
            for _ in range(2)
        )
    assert mail == again
    assert lonely.rows(
        "SELECT user_id, booking_id, priority, deliver_at, expires_at, address"
        " FROM fanout.deliveries JOIN fanout.transactional_mails ON delivery_id = id WHERE id = %s",
        mail,
    ) == [(person, BOOKING.id, 1, later, ends, "Ann@xn--bcher-kva.example")]


def test_a_row_factory_of_the_application_does_not_matter(lonely: Post) -> None:
    with psycopg.connect(lonely.database.producer_dsn, row_factory=dict_row) as connection:
        assert isinstance(queue_magic_link(connection, ADDRESS, LINK), UUID)


@pytest.mark.parametrize(
    ("queue", "says"),
    [
        (lambda to: queue_magic_link(to, MARKER, LINK), "invalid e-mail address"),
        (lambda to: queue_magic_link(to, ADDRESS, f"javascript:{MARKER}"), "magic_link"),
        (lambda to: queue_magic_link(to, ADDRESS, f"//{MARKER}"), None),
        (lambda to: queue_magic_link(to, ADDRESS, f"https://[{MARKER}"), "magic_link"),
        (lambda to: queue_magic_link(to, ADDRESS, f"https://x.example\\{MARKER}"), "magic_link"),
        (lambda to: queue_magic_link(to, ADDRESS, ""), "magic_link"),
        (lambda to: queue_magic_link(to, ADDRESS, LINK, valid_hours=0), "valid_hours"),
        (
            lambda to: queue_booking_confirmation(to, ADDRESS, Booking(external_id="")),
            "external_booking_id",
        ),
        (lambda to: queue_mail(to, MARKER, ADDRESS, {}), "unknown type"),
        (lambda to: queue_mail(to, "magic_link", ADDRESS, {"magic_link": [MARKER]}), "magic_link"),
        (
            lambda to: queue_mail(to, "magic_link", ADDRESS, {"magic_link": f"{MARKER}\0"}),
            "without NUL",
        ),
        (
            lambda to: queue_mail(to, "magic_link", ADDRESS, {"magic_link": LINK, "x": {MARKER}}),
            "values that JSON has",
        ),
        (
            lambda to: queue_magic_link(
                to,
                ADDRESS,
                LINK,
                deliver_at=datetime(2030, 1, 1),  # noqa: DTZ001 - that is the fault
            ),
            "deliver_at",
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_before_it_is_queued(
    lonely: Post, queue: Queue, says: str | None
) -> None:
    before = lonely.rows("SELECT count(*) FROM fanout.deliveries")
    with lonely.producer() as connection:
        if says is None:
            # A host is the brand's business: only the sender knows it.
            queue(connection)
            return
        with pytest.raises(FanoutError, match=says) as found:
            queue(connection)
    assert MARKER not in str(found.value)
    assert lonely.rows("SELECT count(*) FROM fanout.deliveries") == before


def test_text_with_a_written_backslash_is_no_nul(lonely: Post) -> None:
    with lonely.producer() as connection:
        queue_mail(connection, "magic_link", ADDRESS, {"magic_link": LINK, "x": "\\u0000"})


def test_it_loads_neither_beam_nor_a_provider_nor_a_template() -> None:
    program = (
        "import sys, pipeline.producer\n"
        "print(sorted({'apache_beam', 'httpx2', 'jinja2', 'rich', 'grpc'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
