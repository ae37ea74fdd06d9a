"""Mark events as dead in the ledger of the fan-out, in the transaction of their dead letters."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline import __version__
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import DeadLetter

_MARK: Final = load(__package__, "mark_dead")


def mark_dead(connection: Connection[Any], letters: Sequence[DeadLetter]) -> None:
    """Mark the events of dead letters as dead. A completed event stays completed.

    Args:
        connection: a connection in a transaction.
        letters: distinct dead letters. Those that name no event are ignored.
    """
    rows = [
        {
            "event_id": letter.event_id,
            "error_class": letter.error_class,
            "message": letter.reason,
        }
        for letter in letters
        if letter.event_id is not None
    ]
    if rows:
        connection.execute(_MARK, {"letters": orjson.dumps(rows).decode(), "version": __version__})
