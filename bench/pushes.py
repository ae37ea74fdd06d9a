"""A stack with a loopback bus, and deliveries of push that wait in its ledger."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg

from local.loopback import LoopbackReply, LoopbackRequest, StandIn
from local.provider import LocalResend
from local.stack import Stack
from pipeline.ops.sample import ids
from pipeline.ops.seed import seed_people

TOKEN: Final = "local-bus"  # noqa: S105 - of a loopback server
_WAITING: Final = """
    WITH event AS (
        INSERT INTO domain_events (event_type)
        SELECT 'project_access_granted' FROM generate_series(1, %(count)s) RETURNING id
    ),
    told AS (
        INSERT INTO notifications (event_id, user_id, title, body, link_url)
        SELECT id, %(user)s, 'You have been added to Harbor Point', 'You now have access', '/p'
        FROM event RETURNING id, event_id, user_id
    )
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at
    )
    SELECT fanout.delivery_id('domain_events:' || event_id, 'bus', user_id::text),
        'domain_events:' || event_id, 'bus', user_id::text, 'project_access_granted',
        user_id, 'notifications', id::text, now() + interval '1 day'
    FROM told
"""
_CHANNEL: Final = "INSERT INTO fanout.channels VALUES ('bus')"
_FORGET: Final = "DELETE FROM fanout.deliveries; DELETE FROM domain_events"


class CountingBus(StandIn):
    """A bus to which everybody is connected. It keeps each signal with the time of its arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[tuple[str, float]] = []

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Take a signal."""
        self.arrived.append((orjson.loads(request.body)["id"], time.time()))
        return LoopbackReply(status=200, body={"delivered": 1})


@dataclass(frozen=True, slots=True)
class PushBench:
    """A started stack with the sample people, and a connection of its owner."""

    stack: Stack
    bus: CountingBus
    resend: LocalResend
    connection: psycopg.Connection[Any]
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of the stack, and of the bus."""
        return {**self.stack.environment(), **self.variables}

    @property
    def variables(self) -> Mapping[str, str]:
        """Where the bus is."""
        return {"WEBSOCKET_BUS_URL": self.bus.base_url, "SERVICE_TOKEN": TOKEN}

    def wait(self, count: int) -> None:
        """Put deliveries to the bus into the ledger."""
        self.connection.execute(_WAITING, {"count": count, "user": ids.person("maya")})

    def rows(self, query: str, *parameters: object) -> Sequence[Any]:
        """Return the rows of a query, as the owner."""
        return self.connection.execute(query.encode(), parameters).fetchall()

    def forget(self) -> None:
        """Delete all events and deliveries."""
        self.connection.execute(_FORGET)
        self.bus.arrived.clear()
        self.bus.asked.clear()


@contextmanager
def push_bench(folder: Path) -> Iterator[PushBench]:
    """Start everything but the graphs; Postgres syncs its log to disk as in production."""
    resend = LocalResend(folder / "mails")
    stack = Stack(folder / "stack", resend=resend)
    try:
        with stack, CountingBus().serving() as bus:
            url = stack.environment()["DATABASE_URL"]
            seed_people(url)
            with psycopg.connect(url, autocommit=True) as connection:
                # As the first start of the graph does.
                connection.execute(_CHANNEL)
                yield PushBench(stack, bus, resend, connection, folder)
    finally:
        stack.remove()
