"""A whole installation, with the actions of its tests."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from local.demo.worker import Worker
from local.pubsub import Emulator
from local.stack import Stack
from pipeline.ops.sample import ids
from tests.deadline import wait_until

ARRIVAL_SECONDS: Final = 60.0
# Twenty times the latency of an event when all parts run.
IDLE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Installation:
    """A running stack, its pipeline, and a connection of the application's owner.

    Attributes:
        folder: with the logs of all processes but Postgres.
    """

    folder: Path
    stack: Stack
    emulator: Emulator
    worker: Worker
    connection: psycopg.Connection[Any]

    def insert(self) -> int:
        """Insert an event as the application does."""
        row = self.connection.execute(
            "INSERT INTO domain_events (event_type, project_id, payload)"
            " VALUES ('project_access_granted', %s, jsonb_build_object("
            "'affected_user_id', %s::text, 'project_name', 'Harbor Point')) RETURNING id",
            [ids.project("harbor"), str(ids.person("priya"))],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def has_arrived(self, event: int) -> bool:
        """Return whether the event's notification exists."""
        row = self.connection.execute(
            "SELECT count(*) FROM notifications WHERE event_id = %s", [event]
        ).fetchone()
        return row == (1,)

    def wait_for(self, event: int) -> None:
        """Return when the event has arrived; fail if it does not arrive."""
        wait_until(lambda: self.has_arrived(event), seconds=ARRIVAL_SECONDS, what="it arrives")

    def stays_away(self, event: int) -> bool:
        """Return whether the event stays missing for far longer than its usual latency."""
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline:
            if self.has_arrived(event):
                return False
            time.sleep(0.05)
        return True
