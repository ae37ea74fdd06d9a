"""One row of ``reactions.events``, and how to decode it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from pipeline.domain.errors import InvalidEvent, TooLarge
from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload
from pipeline.domain.validated import validated
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.identifiers import ReactionId
from pipeline.reactions.route import Route

MAX_EVENT_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRow:
    """The columns of one event.

    Attributes:
        id: the primary key.
        type: the dotted name.
        created_at: when it was written.
        aggregate_type: the kind of thing that it is about.
        aggregate_id: the thing that it is about.
        payload: as JSON text; None if it has more than ``MAX_EVENT_BYTES``.
        metadata: as JSON text; None for NULL.
        version: of the payload.
        route: where the event goes in place of the handler of its type; None: no route decides.
    """

    id: ReactionId
    type: EventType
    created_at: datetime
    aggregate_type: str | None
    aggregate_id: UUID | None
    payload: str | None = field(repr=False)
    metadata: str | None = field(repr=False)
    version: int
    route: Route | None = None


def decode_reaction(
    row: ReactionRow, model: type[Payload], depth: int = 0
) -> ReactionEvent[Payload]:
    """Decode a row to an event.

    Args:
        row: the row.
        model: of the payload of its type.
        depth: the number of events before it in its chain.

    Raises:
        InvalidRow: the row is invalid. The text names the invalid fields, never their values.
    """
    if row.payload is None:
        raise TooLarge(f"the payload has more than {MAX_EVENT_BYTES // 1024} KB: shorten it")
    return ReactionEvent(
        id=row.id,
        type=row.type,
        created_at=row.created_at,
        payload=validated(model, _object(row.payload)),
        aggregate_type=row.aggregate_type,
        aggregate_id=row.aggregate_id,
        metadata={} if row.metadata is None else _metadata(row.metadata),
        version=row.version,
        depth=depth,
    )


def _object(text: str) -> dict[str, Any]:
    value = _loaded("payload", text)
    if not isinstance(value, dict):
        raise InvalidEvent("payload: an object is needed")
    return value


def _metadata(text: str) -> dict[str, Any]:
    value = _loaded("metadata", text)
    return value if isinstance(value, dict) else {}


def _loaded(column: str, text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # Postgres wrote the JSON: a number is beyond the range of a float, or it is nested deeply.
        raise InvalidEvent(f"{column}: a number is too large, or it is nested too deeply") from None
