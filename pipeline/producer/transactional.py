"""Queues transactional mails: checked values and the application's own connection in, an id out.

Nothing is committed here. So the mail is queued if, and only if, the application's own change is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import tuple_row

from pipeline.clients.postgres.sql import load
from pipeline.domain.address import parse_address
from pipeline.domain.delivery import Priority
from pipeline.domain.errors import InvalidMail, UsageError
from pipeline.mail.links import absolute
from pipeline.mail.transactional import TRANSACTIONAL

_QUEUE: Final = load("pipeline.producer", "queue_mail")
# JSON has it and Postgres does not. The backslash before it must not be quoted itself.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# For the check alone: the brand, whose site it is, is known only where the mail is written.
_ANY_SITE: Final = "https://site.example/"


class QueueOptions(TypedDict, total=False):
    """What every kind of mail can have.

    Attributes:
        user_id: the person, by whose id their mails can be found and erased.
        dedupe_key: names the request, for example ``booking:42``: among the mails of one type to
            one address, a second one with the same key is not queued.
        expires_at: after this time it is not sent. By default a magic link expires when it stops
            working, and another mail after the time that the channel has, a day at first.
        priority: ``CRITICAL`` by default for a magic link, else ``NORMAL``.
        deliver_at: not sent before this time.
    """

    user_id: UUID | None
    dedupe_key: str | None
    expires_at: datetime | None
    priority: Priority | None
    deliver_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A booking as its confirmation shows it.

    Attributes:
        external_id: the number that the guest knows.
        id: the key of its row.
        check_in: the first day; None: not set.
        check_out: the last day; None: not set.
    """

    external_id: str
    id: UUID | None = None
    check_in: date | None = None
    check_out: date | None = None


def queue_magic_link(
    connection: Connection[Any],
    email: str,
    link: str,
    *,
    valid_hours: int = 24,
    **options: Unpack[QueueOptions],
) -> UUID:
    """Queue the mail with a link with which a person signs in. Return its id.

    Args:
        connection: the application's own, whose login is in ``fanout_producer``.
        email: the person's address.
        link: an http or https link to the site, or a path on it.
        valid_hours: for how long the link works from now on. The mail says so, and is not sent
            later.
        options: see ``QueueOptions``.

    Raises:
        InvalidAddress: the address is malformed.
        InvalidMail: the link is not a web address.
        UsageError: ``valid_hours`` or a time is invalid.
    """
    if absolute(_ANY_SITE, (_host(link),), link) is None:
        raise InvalidMail("payload invalid: magic_link: an http or https link is needed")
    if not 1 <= valid_hours <= 8_760:  # noqa: PLR2004 - a year, as the payload's own check
        raise UsageError("invalid valid_hours: expected 1 to 8760")
    payload = {"magic_link": link, "valid_hours": valid_hours}
    return queue_mail(connection, "magic_link", email, payload, **options)


def queue_booking_confirmation(
    connection: Connection[Any], email: str, booking: Booking, **options: Unpack[QueueOptions]
) -> UUID:
    """Queue the mail that confirms a booking. Return its id.

    Args:
        connection: the application's own, whose login is in ``fanout_producer``.
        email: the guest's address.
        booking: what is confirmed.
        options: see ``QueueOptions``.

    Raises:
        InvalidAddress: the address is malformed.
        InvalidMail: the booking has no ``external_id``.
        UsageError: a time is invalid.
    """
    payload = {
        "external_booking_id": booking.external_id,
        "check_in": booking.check_in and booking.check_in.isoformat(),
        "check_out": booking.check_out and booking.check_out.isoformat(),
    }
    return queue_mail(
        connection, "booking_confirmation", email, payload, booking_id=booking.id, **options
    )


def queue_mail(
    connection: Connection[Any],
    type: str,  # noqa: A002 - the word of the table
    email: str,
    payload: Mapping[str, Any],
    *,
    booking_id: UUID | None = None,
    **options: Unpack[QueueOptions],
) -> UUID:
    """Queue a mail of any transactional type. Return its id.

    Args:
        connection: the application's own, whose login is in ``fanout_producer``.
        type: such as ``magic_link``.
        email: the address.
        payload: what the mail is made of. Only the sender can read it again.
        booking_id: the key of the booking that it is about.
        options: see ``QueueOptions``.

    Raises:
        InvalidAddress: the address is malformed.
        InvalidMail: the type is unknown, or the payload is invalid. The text names the field, and
            never quotes a value.
        UsageError: a time has no zone.
    """
    words = TRANSACTIONAL.get(type)
    if words is None:
        raise InvalidMail(f"unknown type: expected {' or '.join(TRANSACTIONAL)}")
    words.read(payload)
    priority = options.get("priority")
    parameters = {
        "type": type,
        "email": str(parse_address(email)),
        "payload": _json(payload),
        "booking_id": booking_id,
        "user_id": options.get("user_id"),
        "dedupe_key": options.get("dedupe_key"),
        "expires_at": _time("expires_at", options.get("expires_at")),
        "priority": None if priority is None else priority.name,
        "deliver_at": _time("deliver_at", options.get("deliver_at")),
    }
    # The application may have chosen other forms of rows and other types.
    with connection.cursor(row_factory=tuple_row) as cursor:
        [(queued,)] = cursor.execute(_QUEUE, parameters).fetchall()
    return UUID(str(queued))


def _host(link: str) -> str:
    try:
        return urlsplit(link.strip()).netloc.lower() or urlsplit(_ANY_SITE).netloc
    except ValueError:
        return ""


def _json(payload: Mapping[str, Any]) -> str:
    try:
        written = orjson.dumps(dict(payload))
    except TypeError:
        raise InvalidMail("payload invalid: expected values that JSON has") from None
    if _NUL.search(written):
        raise InvalidMail("payload invalid: expected text without NUL")
    return written.decode()


def _time(name: str, value: datetime | None) -> datetime | None:
    if value is not None and value.utcoffset() is None:
        raise UsageError(f"invalid {name}: expected a time with a zone")
    return value
