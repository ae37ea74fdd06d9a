"""What a webhook says: an event in, the bytes of its body out. The same event gives the same bytes.

The form is that of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks
"""

from datetime import UTC, datetime
from typing import Any, Final

import orjson

PING: Final = "webhook.ping"
# The columns of an event that are ids of other rows.
_IDS: Final = ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id")


def event_body(event: Any, payload: str | None) -> bytes:  # noqa: ANN401 - a row
    """Return the body for an event.

    Args:
        event: ``event_type``, ``at`` as ISO 8601, ``event_id`` and the ids of its columns.
        payload: as JSON, for an endpoint that may have it; None: it may not.
    """
    # As a text: an id can be larger than the numbers of JavaScript are exact.
    data: dict[str, Any] = {"event_id": str(event.event_id)}
    data |= {name: getattr(event, name) for name in _IDS}
    if payload is not None:
        data["payload"] = orjson.Fragment(payload)
    return orjson.dumps({"type": event.event_type, "timestamp": event.at, "data": data})


def reaction_body(event: Any, *, with_payload: bool) -> bytes:  # noqa: ANN401 - a row
    """Return the body for an event of the family reactions.

    Args:
        event: ``event_type``, ``at`` as ISO 8601, ``event_id``, what it is about, and its payload.
        with_payload: whether the endpoint may have the payload.
    """
    data: dict[str, Any] = {
        "event_id": event.event_id,
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
    }
    if with_payload:
        data["payload"] = orjson.Fragment(event.payload)
    return orjson.dumps({"type": event.event_type, "timestamp": event.at, "data": data})


def ping_body(ping: str, at: datetime) -> bytes:
    """Return the body with which an operator tests an endpoint.

    Args:
        ping: its id.
        at: when it was asked for.
    """
    timestamp = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return orjson.dumps({"type": PING, "timestamp": timestamp, "data": {"ping_id": ping}})
