"""The baseline of reactions: a program that polls, as the one that this family replaces."""

import time
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb


class Stop(Protocol):
    """An event of threads or of processes."""

    def wait(self, timeout: float) -> bool:
        """Return whether it is set; wait so many seconds for it."""


_DUE: Final = """
    SELECT id, event_type, payload, created_at FROM reactions.events
    WHERE processed = false ORDER BY created_at LIMIT %s
"""
_TASK: Final = """
    INSERT INTO reactions.agent_tasks (
        id, event_id, task_type, agent_type, user_id, scheduled_for, context_json
    ) VALUES (%s, %s, 'onboard', 'concierge', %s, %s, %s)
"""
_DONE: Final = "UPDATE reactions.events SET processed = true WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Polling:
    """How a program polls.

    Attributes:
        every: seconds between the begins of two polls.
        most: how many rows one poll takes.
    """

    every: float
    most: int


# What the replaced program does, and one that polls as often as a database allows in peace.
ORIGINAL: Final = Polling(every=10.0, most=20)
FREQUENT: Final = Polling(every=0.1, most=500)


def poll(dsn: str, polling: Polling, stop: Stop) -> None:
    """Poll until ``stop`` is set. As in the replaced program, the first poll is one pause later."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        due = time.monotonic() + polling.every
        while not stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + polling.every, time.monotonic())
            poll_once(connection, polling.most)


def poll_once(connection: psycopg.Connection[Any], most: int) -> int:
    """Process the oldest rows one after another; return how many.

    Each event is taken as one that leads to one task. Two statements for each, in its favour: the
    replaced program also asks what its handlers need to know, and over HTTP.
    """
    rows = connection.execute(_DUE, [most]).fetchall()
    for event_id, event_type, payload, created_at in rows:
        context = Jsonb({"type": event_type, "payload": payload})
        task = [uuid4(), event_id, payload["userId"], created_at, context]
        connection.execute(_TASK, task)
        connection.execute(_DONE, [event_id])
    return len(rows)
