"""Read the rows of a batch of events, in one statement."""

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
    """What was found of the events that were asked for.

    Attributes:
        found: those with a row that the ledger does not hold as completed.
        missing: those without a row that can be seen.
        large: those that were left out for their size, and how many bytes are used of each.
        times: of every row that is seen, completed or not, its ``created_at`` as in ``Row``.
    """

    found: Sequence[Row] = ()
    missing: Sequence[EventId] = ()
    large: Sequence[tuple[EventId, int]] = ()
    times: Mapping[EventId, int | None] = field(default_factory=dict, compare=False)


def used_keys(payloads: Payloads) -> str:
    """The keys of the payload that each handled type uses, as JSON for ``read_rows``."""
    return orjson.dumps({name: model.keys() for name, model in payloads.items()}).decode()


def read_rows(
    connection: Connection[Any],
    ids: Sequence[EventId],
    used: str,
    most_bytes: int = MAX_PAYLOAD_BYTES,
) -> FoundRows:
    """Read these events; what is completed already is in no list.

    Args:
        connection: in autocommit.
        ids: distinct.
        used: what ``used_keys`` gives.
        most_bytes: what is used of a payload may have, or the event is left out as large.
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
