import time
from collections.abc import Iterator

import pytest

from pipeline.domain.errors import InvalidMail
from tests.mail.desk import transactional
from tests.mail.page import read


@pytest.fixture
def local_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of this process, for one test."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def booked(**payload: object) -> list[str]:
    """What the table says, row by row."""
    lines = read(transactional("booking_confirmation", payload).html).lines
    start = lines.index("Your booking is confirmed.") + 1
    return lines[start : start + 6]


def test_the_mail_has_the_booking_and_its_days_in_long_form() -> None:
    payload = {"external_booking_id": "BK-1", "check_in": "2024-12-25", "check_out": "2025-01-02"}
    mail = transactional("booking_confirmation", payload)
    assert mail.subject == "Booking Confirmation - BK-1"
    assert mail.preheader == "December 25, 2024 to January 2, 2025"
    assert booked(**payload) == [
        "Booking ID",
        "BK-1",
        "Check-in",
        "December 25, 2024",
        "Check-out",
        "January 2, 2025",
    ]
    assert "\nCheck-in: December 25, 2024\n" in mail.text


def test_days_that_are_missing_are_not_set_and_numbers_may_be_numbers() -> None:
    assert booked(external_booking_id=20417, check_in=None, check_out="") == [
        "Booking ID",
        "20417",
        "Check-in",
        "Not set",
        "Check-out",
        "Not set",
    ]


ZONES = ("Pacific/Kiritimati", "America/Los_Angeles", "UTC")


@pytest.mark.parametrize("local_zone", ZONES, indirect=True)
@pytest.mark.parametrize("end", ["", "T00:00:00Z", "T23:30:00-11:00", " 00:30:00+14:00"])
def test_a_day_is_the_same_in_every_zone(local_zone: str, end: str) -> None:
    assert time.tzname[0] in {"+14", "PST", "UTC"}, local_zone
    assert booked(external_booking_id="B", check_in=f"2024-12-25{end}")[3] == "December 25, 2024"


@pytest.mark.parametrize("day", ["25.12.2024", "2024-13-01", "soon", 7.5, ["2024-12-25"]])
def test_a_day_that_is_none_is_a_permanent_error_that_names_the_field(day: object) -> None:
    with pytest.raises(InvalidMail) as raised:
        booked(external_booking_id="B", check_in=day)
    assert str(raised.value) == ("payload invalid: check_in: a date such as 2026-03-02 is needed")


def test_every_invalid_field_is_named() -> None:
    with pytest.raises(InvalidMail) as raised:
        booked(check_in="x", check_out="y")
    assert str(raised.value).count(";") == 2
