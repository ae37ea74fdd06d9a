"""Sends a signed ping to an endpoint, through the push graph: nobody else can read its secret."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import Conflict
from pipeline.ops.webhooks.called import no_endpoint, run
from pipeline.settings import DatabaseSettings

_PING: Final = load(__package__, "ping")
_STATE: Final = load(__package__, "ping_state")
_LOOK_SECONDS: Final = 0.1
_ENDED: Final = frozenset({"done", "dead", "cancelled", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """What came of a ping.

    Attributes:
        name: of the endpoint.
        delivery_id: also the ``webhook-id`` of the message.
        state: of its delivery; ``done``: the endpoint took it.
        tries: how often it was sent so far.
        status: what the endpoint answered, if it took it.
        reason: why it did not; None: it did, or nothing was tried yet.
    """

    name: str
    delivery_id: UUID
    state: str
    tries: int
    status: str | None
    reason: str | None

    @property
    def is_taken(self) -> bool:
        """Whether the endpoint took it."""
        return self.state == "done"


def ping_endpoint(settings: DatabaseSettings, name: str, wait: timedelta) -> Ping:
    """Ask for a ping, and wait for the first try.

    Args:
        settings: the database, with the login of an operator.
        name: of the endpoint.
        wait: how long.

    Raises:
        NotFound: no endpoint has this name.
        Conflict: it is disabled.
    """
    rows = run(settings, _PING, {"name": name})
    if not rows:
        raise no_endpoint(name)
    (asked,) = rows
    if asked.disabled:
        raise Conflict(f"{name} is disabled: python -m pipeline webhooks enable {name} enables it")
    deadline = time.monotonic() + wait.total_seconds()
    while True:
        (found,) = run(settings, _STATE, {"id": asked.delivery_id})
        is_tried = found.state in _ENDED or (found.reason and found.state in ("waiting", "paused"))
        if is_tried or time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_SECONDS)
    return Ping(
        name=name,
        delivery_id=asked.delivery_id,
        state=found.state,
        tries=found.attempts,
        status=found.provider_id,
        reason=found.reason,
    )
