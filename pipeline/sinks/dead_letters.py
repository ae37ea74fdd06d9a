"""Write dead letters: to their table, which people query, and to their topic, which alerts them."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline import __version__
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.clients.pubsub.publish import publish
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.message import Message
from pipeline.settings import DatabaseSettings

# https://cloud.google.com/pubsub/quotas#resource_limits
MAX_ATTRIBUTE_BYTES: Final = 1024

# Marks the rows of dead letters as dead in the ledger of their family.
Mark = Callable[[Connection[Any], Sequence[DeadLetter]], None]

_WRITE: Final = load(__package__, "write_dead_letters")
_FORGET: Final = load(__package__, "forget_published")
# Of the dead letter of a row of ``domain_events``.
_EVENT_KEY: Final = "event:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRow:
    """What the message of a dead letter says: columns of ``event_dead_letters``."""

    letter_key: str
    event_type: str | None
    stage: str
    error_class: str
    message: str
    fingerprint: str
    pipeline_version: str | None

    def to_message(self) -> Message:
        """Make the message to publish."""
        is_event = self.letter_key.startswith(_EVENT_KEY)
        named = {
            "id": self.letter_key.removeprefix(_EVENT_KEY) if is_event else None,
            "event_type": self.event_type,
            "dead_letter_key": self.letter_key,
            "dead_letter_stage": self.stage,
            "dead_letter_error": self.error_class,
            "dead_letter_reason": self.message,
            "dead_letter_fingerprint": self.fingerprint,
            "dead_letter_version": self.pipeline_version,
        }
        return Message(
            b"", {name: _cut(value) for name, value in named.items() if value is not None}
        )


def write_dead_letters(
    settings: DatabaseSettings, topic: str | None, letters: Sequence[DeadLetter], mark: Mark
) -> None:
    """Record dead letters in ``event_dead_letters`` and the family's ledger, then publish them.

    A retry of the same dead letter increments its attempt in the table. Whatever keeps this process
    from publishing it, another one publishes it later. The topic may carry it twice.

    Args:
        settings: the database.
        topic: the topic to publish to. None: do not publish.
        letters: dead letters of one family.
        mark: writes to the ledger of the family, in the transaction of the dead letters.

    Raises:
        TransientError: retry all of them.
        ConfigurationError: the table or the topic is missing, or its rights are.
    """
    # A statement can write a row only once. The first of several dead letters is kept.
    distinct = list({letter.key: letter for letter in reversed(letters)}.values())
    parameters = {"letters": _document(distinct), "version": __version__, "topic": topic}

    def write(connection: Connection[Any]) -> None:
        with connection.transaction():
            # First the ledger, as for outcomes: with another order the two could deadlock.
            mark(connection, distinct)
            connection.execute(_WRITE, parameters)

    with_connection(settings, write)
    if topic is not None:
        publish_letters(settings, topic, distinct)


def publish_letters(settings: DatabaseSettings, topic: str, letters: Sequence[DeadLetter]) -> None:
    """Publish dead letters that are in their table, and note in the database that they are.

    Raises:
        TransientError: retry all of them.
        ConfigurationError: the topic is missing, or its rights are.
    """
    publish(topic, map(to_message, letters))
    forget_published(settings, [letter.key for letter in letters])


def forget_published(settings: DatabaseSettings, keys: Sequence[str]) -> None:
    """Note that these dead letters are on their topic: nobody has to publish them later."""
    given = {"keys": list(keys)}
    with_connection(settings, lambda connection: connection.execute(_FORGET, given))


def to_message(letter: DeadLetter) -> Message:
    """Make the message to publish: the event, the stage and the cause, but no payload."""
    return LetterRow(
        letter_key=letter.key,
        event_type=letter.event_type,
        stage=letter.stage,
        error_class=letter.error_class,
        message=letter.reason,
        fingerprint=letter.fingerprint,
        pipeline_version=__version__,
    ).to_message()


def _cut(value: str) -> str:
    return value.encode()[:MAX_ATTRIBUTE_BYTES].decode(errors="ignore")


def _document(letters: Iterable[DeadLetter]) -> str:
    rows = [
        {
            "letter_key": letter.key,
            "event_id": letter.event_id,
            "event_type": letter.event_type and _storable(letter.event_type),
            "stage": letter.stage,
            "error_class": letter.error_class,
            "message": letter.reason,
            "fingerprint": letter.fingerprint,
            "data": None
            if letter.message is None
            else base64.b64encode(letter.message.data).decode(),
            "attributes": None
            if letter.message is None
            else _storable_mapping(letter.message.attributes),
        }
        for letter in letters
    ]
    return orjson.dumps(rows).decode()


def _storable_mapping(values: Mapping[str, str]) -> dict[str, str]:
    return {_storable(name): _storable(value) for name, value in values.items()}


def _storable(text: str) -> str:
    """Replace U+0000, which Postgres cannot store. A dead letter must not fail because of it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
