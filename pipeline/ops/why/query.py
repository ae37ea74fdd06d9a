"""Reads the account of one event in one read-only snapshot."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load, without
from pipeline.domain.errors import NotFound
from pipeline.domain.identifiers import EventType
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.recipients import recipients
from pipeline.ops.why.account import (
    Account,
    DeliveryDetails,
    EndpointDelivery,
    EventLetter,
    EventRow,
    Ledger,
    PersonAccount,
    Received,
    SkipDetails,
    by_person,
    cut,
)
from pipeline.settings import DatabaseSettings

RowT = TypeVar("RowT")

_EVENT: Final = load(__package__, "event")
_LEDGER: Final = load(__package__, "ledger")
_LETTER: Final = load(__package__, "letter")
_RECEIVED: Final = load(__package__, "received")
_SKIPS: Final = load(__package__, "skips")
_HAS_DELIVERIES: Final = load("pipeline.ops.deliveries", "has_deliveries")
_HAS_MAILS: Final = load("pipeline.ops.mail", "has_mails")
_WITH_MAILS: Final = without(load(__package__, "deliveries"), "alone")
_ALONE: Final = without(load(__package__, "deliveries"), "mail")
_HAS_WEBHOOKS: Final = load(__package__, "has_webhooks")
_ENDPOINTS: Final = load(__package__, "endpoint_deliveries")
_PERSON: Final = load(__package__, "person")


def read_account(
    settings: DatabaseSettings,
    event_id: int,
    user_id: UUID | None,
    *,
    after: UUID | None = None,
    most: int | None = None,
) -> Account:
    """Return the account of an event, for all people or for one person.

    Args:
        settings: the database.
        event_id: the event.
        user_id: only this person, considered or not.
        after: only people with a higher id.
        most: read about this many rows of what people got and as many of what they did not get;
            None reads all. The account then says after whom it was cut.

    Raises:
        NotFound: the event does not exist.
        TransientError: the database does not answer now.
        ConfigurationError: this user may not read it, or the database was never migrated.
    """
    check_first(settings)

    asked = {"after": after, "most": most}

    def read(connection: Connection[Any]) -> Account:
        return _account(connection, {**asked, "event": event_id, "user": user_id})

    return with_connection(settings, read, snapshot=True)


def _account(connection: Connection[Any], asked: Mapping[str, Any]) -> Account:
    event_id, user_id = asked["event"], asked["user"]
    letter = _first(connection, EventLetter, _LETTER, asked)
    event = _first(connection, EventRow, _EVENT, asked)
    if event is None:
        kept = f"; its message is row {letter.id} of event_dead_letters" if letter else ""
        raise NotFound(
            f"domain_events has no event {event_id}: it was deleted, or never written{kept}"
        )
    received, skips, last = cut(
        _rows(connection, Received, _RECEIVED, asked),
        _rows(connection, SkipDetails, _SKIPS, asked),
        asked["most"],
    )
    users = list({row.user_id for row in received} | {row.user_id for row in skips})
    people = by_person(received, skips, _deliveries(connection, event_id, users))
    if user_id is not None and not people:
        found = connection.execute(_PERSON, asked).fetchone()
        people = [PersonAccount(user_id, found[0] if found else None)]
    handler = HANDLERS.get(EventType(event.type))
    return Account(
        event=event,
        ledger=_first(connection, Ledger, _LEDGER, asked),
        letter=letter,
        people=people,
        audience=recipients(handler) if handler else None,
        people_after=last,
        endpoints=[] if user_id or asked["after"] else _endpoints(connection, asked),
    )


def _deliveries(
    connection: Connection[Any], event_id: int, users: Sequence[UUID]
) -> list[DeliveryDetails]:
    if connection.execute(_HAS_DELIVERIES).fetchone() != (True,):
        return []
    has_mails = connection.execute(_HAS_MAILS).fetchone() == (True,)
    statement = _WITH_MAILS if has_mails else _ALONE
    return _rows(connection, DeliveryDetails, statement, {"event": event_id, "users": users})


def _endpoints(connection: Connection[Any], asked: Mapping[str, Any]) -> list[EndpointDelivery]:
    if connection.execute(_HAS_WEBHOOKS).fetchone() != (True,):
        return []
    return _rows(connection, EndpointDelivery, _ENDPOINTS, asked)


def _rows(
    connection: Connection[Any], kind: type[RowT], statement: bytes, asked: Mapping[str, Any]
) -> list[RowT]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, asked).fetchall()


def _first(
    connection: Connection[Any], kind: type[RowT], statement: bytes, asked: Mapping[str, Any]
) -> RowT | None:
    return next(iter(_rows(connection, kind, statement, asked)), None)
