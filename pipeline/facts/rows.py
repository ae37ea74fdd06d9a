"""Reads the rows of a batch of events in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventId
from pipeline.fanout.row import (
    MAX_PAYLOAD_BYTES,
    MAX_TEXT_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    Payloads,
    Row,
)

_ROWS: Final = load(__package__, "rows")


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The rows of the requested events.

    Attributes:
        found: the rows of events that are not completed in the ledger.
        missing: events without a visible row.
        large: events left out because of their size, each with the bytes of its used payload.
        times: the ``created_at``, as in ``Row``, of every visible row, completed or not.
    """

    found: Sequence[Row] = ()
    missing: Sequence[EventId] = ()
    large: Sequence[tuple[EventId, int]] = ()
    times: Mapping[EventId, int | None] = field(default_factory=dict, compare=False)


def used_keys(payloads: Payloads) -> str:
    """Return the payload keys that each handled type uses, as JSON for ``read_rows``."""
    return orjson.dumps({name: model.keys() for name, model in payloads.items()}).decode()


def read_rows(
    connection: Connection[Any],
    ids: Sequence[EventId],
    used: str,
    most_bytes: int = MAX_PAYLOAD_BYTES,
) -> FoundRows:
    """Read these events. A completed event is in none of the lists.

    Args:
        connection: in autocommit.
        ids: distinct.
        used: the result of ``used_keys``.
        most_bytes: an event whose used payload has more bytes is left out as large.
    """
    parameters = {
        "ids": list(ids),
        "used": used,
        "most_bytes": most_bytes,
        "most_of_type": MAX_TYPE_CHARACTERS,
        "most_of_text": MAX_TEXT_CHARACTERS,
    }
    found: list[Row] = []
    missing: list[EventId] = []
    large: list[tuple[EventId, int]] = []
    times: dict[EventId, int | None] = {}
    for event_id, known, completed, *columns in connection.execute(_ROWS, parameters):
        if not known:
            missing.append(event_id)
            continue
        row = Row(event_id, *columns)
        times[event_id] = row.created_at
        if completed:
            continue
        if most_bytes < row.payload_bytes <= MAX_PAYLOAD_BYTES:
            large.append((event_id, row.payload_bytes))
        else:
            found.append(row)
    return FoundRows(found, missing, large, times)
