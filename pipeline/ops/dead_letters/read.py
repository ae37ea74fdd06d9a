"""Reads dead letters: grouped by cause, one letter, or counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import without_numbers
from pipeline.domain.errors import NotFound
from pipeline.domain.record import RecordKey
from pipeline.settings import DatabaseSettings

RowT = TypeVar("RowT")

# In the key of a letter: the table of the event.
REACTIONS: Final = "events"
DAYS: Final = 14
MOST_OF_PAYLOAD: Final = 100_000

_GROUPS: Final = load("pipeline.ops.dead_letters", "groups")
_LETTER: Final = load("pipeline.ops.dead_letters", "letter")
_LETTER_REASON: Final = load("pipeline.ops.dead_letters", "letter_reason")
_EVENT: Final = load("pipeline.ops.dead_letters", "event")
_EVENT_STATE: Final = load("pipeline.ops.dead_letters", "event_state")
_REACTION: Final = load("pipeline.ops.reactions", "letter_payload")
_REACTION_STATE: Final = load("pipeline.ops.reactions", "letter_state")
_OPEN_BY_CAUSE: Final = load("pipeline.ops.dead_letters", "open_by_cause")
_BY_DAY: Final = load("pipeline.ops.dead_letters", "by_day")


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterGroup:
    """Dead letters with one cause.

    Attributes:
        message: the reason, with ``#`` for every number.
        event_types: the types of the events' rows; empty if no letter had a row.
        letters: how many letters there are; ``open`` of them are not resolved.
        attempts: how many times they failed in total.
        sample_event_id: the event of one letter; None if no letter names an event.
        sample_reaction_id: the same for reactions, whose events have UUIDs.
        sample_id: the id of one letter.
    """

    fingerprint: str
    stage: str
    error_class: str
    message: str
    event_types: list[str]
    letters: int
    open: int
    attempts: int
    first_seen: datetime
    last_seen: datetime
    sample_event_id: int | None
    sample_reaction_id: UUID | None
    sample_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDetails:
    """One dead letter of any family.

    Attributes:
        letter_key: the row that failed, or the digest of a message that names no row.
        event_state: the state of its event in the ledger now.
        attributes: the attributes of the message. They are kept only if there was no row to read.
        data: the bytes of the message, kept in the same case.
        payload: the payload in the event's row now, at most ``MOST_OF_PAYLOAD`` characters; None
            without a row or a payload.
        payload_characters: the length of the whole payload.
    """

    id: int
    letter_key: str
    event_id: int | None
    event_type: str | None
    stage: str
    error_class: str
    message: str
    fingerprint: str
    attempt: int
    pipeline_version: str | None
    created_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    event_state: str | None = None
    attributes: dict[str, str] | None = field(repr=False)
    data: bytes | None = field(repr=False)
    payload: str | None = field(default=None, repr=False)
    payload_characters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCount:
    """How many open dead letters an event type has, for one stage and error class."""

    event_type: str
    stage: str
    error_class: str
    letters: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How many dead letters were first seen on a day (UTC); ``open`` of them are not resolved."""

    day: date
    letters: int
    open: int


def read_groups(
    database: DatabaseSettings, *, resolved: bool, most: int | None = None
) -> list[LetterGroup]:
    """Return the groups with open letters; with ``resolved``, all groups. None: any number."""
    groups = _read(database, LetterGroup, _GROUPS, {"resolved": resolved, "most": most})
    return [replace(group, message=without_numbers(group.message)) for group in groups]


def read_letter(
    database: DatabaseSettings,
    *,
    letter_id: int | None = None,
    event_id: int | UUID | None = None,
    payload: bool = True,
) -> LetterDetails:
    """Return one letter, by its own id or by the id of its event.

    Args:
        database: with the login of an operator; without ``payload`` a viewer's is enough.
        letter_id: the id of the letter.
        event_id: the id of its event, if not that of the letter; a UUID for reactions.
        payload: whether to read the payload, and the message that was kept.

    Raises:
        NotFound: no letter matches.
    """
    statement = _LETTER if payload else _LETTER_REASON
    found = _read(
        database,
        LetterDetails,
        statement,
        {"letter_id": letter_id, "letter_key": None if event_id is None else key_of(event_id)},
    )
    if not found:
        what = f"event {event_id} has no dead letter" if event_id else f"no letter {letter_id}"
        raise NotFound(f"{what}: see dead-letters list --all")
    [letter] = found
    source, _, key = letter.letter_key.partition(":")
    if letter.event_id is not None:
        statement = _EVENT if payload else _EVENT_STATE
    elif source == REACTIONS:
        statement = _REACTION if payload else _REACTION_STATE
    else:
        return letter
    asked = {"event_id": letter.event_id, "reaction": key, "most": MOST_OF_PAYLOAD}
    [(state, text, characters)] = with_connection(
        database, lambda connection: connection.execute(statement, asked).fetchall()
    )
    return replace(letter, event_state=state, payload=text, payload_characters=characters)


def key_of(event_id: int | UUID) -> str:
    """Return the key of the dead letter of an event."""
    if isinstance(event_id, UUID):
        return str(RecordKey(REACTIONS, str(event_id)))
    return f"event:{event_id}"


def read_causes(database: DatabaseSettings) -> list[CauseCount]:
    """Return the open letters, counted by event type, stage and error class."""
    return _read(database, CauseCount, _OPEN_BY_CAUSE, {})


def read_days(database: DatabaseSettings) -> list[Day]:
    """Return the last ``DAYS`` days that had letters."""
    return _read(database, Day, _BY_DAY, {"days": DAYS})


def _read(
    database: DatabaseSettings,
    kind: type[RowT],
    statement: bytes,
    parameters: Mapping[str, Any],
) -> list[RowT]:
    def read(connection: Connection[Any]) -> list[RowT]:
        with connection.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(statement, parameters).fetchall()

    return with_connection(database, read)
