"""booking_confirmation: a booking is made."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator

from pipeline.domain.payload import ONE_LINE, Payload
from pipeline.mail.brand import Brand
from pipeline.mail.clean import SUBJECT, line
from pipeline.mail.content import Content
from pipeline.mail.transaction_words import TransactionWords

NOT_SET: Final = "Not set"
# Not of ``calendar``, whose names depend on the machine.
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MOST: Final = 2**63
_WITH_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ].*", re.DOTALL)


def _as_written(value: object) -> object:
    """Cut off the time of day and the zone: the day of a stay is the same in every zone."""
    found = _WITH_TIME.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else value


def _number_as_text(value: object) -> object:
    """Other systems number their bookings."""
    return str(value) if type(value) is int and 0 <= value < _MOST else value


_Day = Annotated[date, BeforeValidator(_as_written)]


class BookingConfirmation(Payload):
    """Payload of ``booking_confirmation``."""

    external_booking_id: Annotated[
        str, BeforeValidator(_number_as_text), ONE_LINE, AfterValidator(line)
    ]
    check_in: _Day | None = None
    check_out: _Day | None = None


class BookingConfirmationWords(TransactionWords[BookingConfirmation]):
    """The booking's id and its days."""

    kind = "booking_confirmation"
    payload = BookingConfirmation
    example: ClassVar[Mapping[str, Any]] = {
        "external_booking_id": "BK-20417",
        "check_in": "2026-12-25",
        "check_out": "2026-12-28",
    }

    def content(self, payload: BookingConfirmation, brand: Brand) -> Content:
        """Return the content."""
        booking = payload.external_booking_id
        return Content(
            template="booking_confirmation",
            kind=self.kind,
            subject=line(f"Booking Confirmation - {booking}", SUBJECT),
            preheader=f"{long_date(payload.check_in)} to {long_date(payload.check_out)}"
            if payload.check_in and payload.check_out
            else f"Your booking {booking} is confirmed.",
            values={
                "heading": "Booking Confirmation",
                "rows": [
                    ("Booking ID", booking),
                    ("Check-in", long_date(payload.check_in)),
                    ("Check-out", long_date(payload.check_out)),
                ],
                "brand_name": brand.name,
            },
            is_choice=False,
        )


def long_date(day: date | None) -> str:
    """Return the day in long form: ``December 25, 2024``; or ``Not set``."""
    return NOT_SET if day is None else f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"
