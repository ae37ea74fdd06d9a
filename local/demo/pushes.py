"""What the demo shows of push: one that the bus took, one on a phone, one that quiet hours held."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from websockets.sync.client import connect

from local.bus import BusServer
from pipeline.ops.sample import ids

# Who has the application open, who has only a phone, and who sleeps beside one.
CONNECTED: Final = "amara"
WITH_PHONE: Final = "maya"
ASLEEP: Final = "grace"

_PUSH_IS_ON: Final = "SELECT count(*) FROM fanout.channels WHERE channel IN ('bus', 'fcm')"
# Nobody else has quiet hours, at whatever time of day the demo runs.
_NO_QUIET_HOURS: Final = "UPDATE fanout.disturbance SET quiet_from = '00:00', quiet_until = '00:00'"
_ASLEEP: Final = sql.SQL("""
    CREATE OR REPLACE VIEW fanout.person_disturbance AS
    SELECT {}::uuid AS user_id, '00:00'::time AS quiet_from, '23:59:59'::time AS quiet_until,
        NULL::int AS per_hour, NULL::int AS per_day
""")
_REGISTER: Final = "SELECT fanout.register_device(%s, 'android', %s)"
_PUSHES: Final = """
    SELECT shown.how, coalesce(person.full_name, person.email), told.title, shown.reason
    FROM (
        SELECT DISTINCT ON (how) *
        FROM (
            SELECT *, CASE
                WHEN channel = 'bus' AND state = 'done' THEN 'bus'
                WHEN channel = 'fcm' AND state = 'done' THEN 'phone'
                WHEN channel = 'bus' AND state = 'waiting' AND user_id = %(asleep)s THEN 'held'
            END AS how
            FROM fanout.deliveries
        ) AS found
        WHERE how IS NOT NULL
        ORDER BY how, sequence
    ) AS shown
    JOIN notifications AS told ON told.id::text = shown.source_id
    JOIN profiles AS person ON person.id = shown.user_id
    ORDER BY array_position(ARRAY['bus', 'phone', 'held'], shown.how)
"""


@dataclass(frozen=True, slots=True)
class ShownPush:
    """One push: on the bus, on a phone, or held; to whom, what it tells, and why it is held."""

    how: str
    person: str
    title: str
    reason: str | None


@contextmanager
def receiving(connection: psycopg.Connection[Any], bus: BusServer) -> Iterator[None]:
    """Let the people of the demo receive pushes until the block ends."""
    connection.execute(_NO_QUIET_HOURS)
    connection.execute(_ASLEEP.format(sql.Literal(ids.person(ASLEEP))))
    for name in (WITH_PHONE, ASLEEP):
        connection.execute(_REGISTER, [ids.person(name), f"phone-of-{name}"])
    with connect(f"{bus.connect_url}?user={ids.person(CONNECTED)}"):
        yield


def is_push_on(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the graph of push has begun: what is written from now on is pushed."""
    return connection.execute(_PUSH_IS_ON).fetchone() == (2,)


def read_pushes(connection: psycopg.Connection[Any]) -> list[ShownPush]:
    """Read the first push of each kind: three, once there is one of each."""
    rows = connection.execute(_PUSHES, {"asleep": ids.person(ASLEEP)})
    return [ShownPush(*row) for row in rows]
