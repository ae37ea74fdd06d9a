"""Mark events as dead in the fan-out's ledger: in the transaction that writes their letters."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline import __version__
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import DeadLetter
from pipeline.sinks.storable import storable

_MARK: Final = load(__package__, "mark_dead")


def mark_dead(connection: Connection[Any], letters: Sequence[DeadLetter]) -> None:
    """Record the state of the events that letters name; one that is completed stays completed.

    Args:
        connection: in a transaction.
        letters: distinct; those that name no event are left out.
    """
    rows = [
        {
            "event_id": letter.event_id,
            "event_type": storable(letter.event_type),
            "error_class": letter.error_class,
            "message": letter.reason,
        }
        for letter in letters
        if letter.event_id is not None
    ]
    if rows:
        connection.execute(_MARK, {"letters": orjson.dumps(rows).decode(), "version": __version__})
