"""Writes events of the sample at a steady rate, as an application does."""

import time
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

from pipeline.ops.sample import ids

_EVENT: Final = """
    INSERT INTO domain_events (event_type, project_id, payload)
    VALUES ('project_access_granted', %s, %s) RETURNING id
"""


def write_events(connection: Connection[Any], count: int, *, rate: float) -> int:
    """Insert so many events, each in a transaction of its own; return the id of the first.

    Args:
        connection: of the application's owner; it commits each statement by itself.
        count: at least 1.
        rate: events a second.
    """
    told = Jsonb({"affected_user_id": str(ids.person("priya")), "project_name": "Harbor Point"})
    start, found = time.perf_counter(), []
    for position in range(count):
        time.sleep(max(0.0, start + position / rate - time.perf_counter()))
        row = connection.execute(_EVENT, [ids.project("harbor"), told]).fetchone()
        found.append(int(row[0]) if row else 0)
    return found[0]
