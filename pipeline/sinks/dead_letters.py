"""Write dead letters: to their table, which people query, and to their topic, which alerts them."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def write_dead_letters(
    settings: DatabaseSettings, topic: str | None, letters: Sequence[DeadLetter], mark: Mark
) -> None:
    """Record dead letters in ``event_dead_letters`` and the family's ledger, then publish them.

    A retry of the same dead letter increments its attempt in the table. The topic may carry it
    twice.

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
    parameters = {"letters": _document(distinct), "version": __version__}

    def write(connection: Connection[Any]) -> None:
        with connection.transaction():
            # First the ledger, as for outcomes: with another order the two could deadlock.
            mark(connection, distinct)
            connection.execute(_WRITE, parameters)

    with_connection(settings, write)
    if topic is not None:
        publish(topic, map(to_message, distinct))


def to_message(letter: DeadLetter) -> Message:
    """Make the message to publish: the event, the stage and the cause, but no payload."""
    named = {
        "id": None if letter.event_id is None else str(letter.event_id),
        "event_type": letter.event_type,
        "dead_letter_key": letter.key,
        "dead_letter_stage": letter.stage,
        "dead_letter_error": letter.error_class,
        "dead_letter_reason": letter.reason,
        "dead_letter_fingerprint": letter.fingerprint,
        "dead_letter_version": __version__,
    }
    return Message(b"", {name: _cut(value) for name, value in named.items() if value is not None})


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
