"""Reads how the deliveries of some channels stand: one statement for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.sql import load

# What the sender could take for so long, and did not, is stuck.
STUCK_SECONDS: Final = 600.0

_STANDING: Final = load(__package__, "standing")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStanding:
    """How the deliveries of a channel stand.

    Attributes:
        waiting: those that are due and have not ended, without those that are held.
        oldest_seconds: for how long the oldest of them is due; None if there is none.
        later: those of them that wait for a later time: of a retry, or the end of quiet hours.
        ready_seconds: for how long the oldest that could be taken could be; None if there is none.
        stuck: those that could be taken for ten minutes, and were not.
        paused: those of them that a switch holds back.
        held: those that wait for the decision of a person.
        in_digest: those that wait for the next digest.
        sent_last_hour: those that were accepted within the last hour.
        seconds_to_send: their mean from when they were due; None if there is none.
        failed_last_hour: those that failed for good within the last hour.
        expired_last_hour: those that were not sent in time.
    """

    waiting: int
    oldest_seconds: float | None
    later: int
    ready_seconds: float | None
    stuck: int
    paused: int
    held: int
    in_digest: int
    sent_last_hour: int
    seconds_to_send: float | None
    failed_last_hour: int
    expired_last_hour: int


def read_standing(
    connection: Connection[Any], channels: Sequence[str]
) -> Mapping[str, DeliveryStanding]:
    """Return how the deliveries of each of these channels stand."""
    asked = {"channels": list(channels), "stuck_seconds": STUCK_SECONDS}
    with connection.cursor(row_factory=class_row(DeliveryStanding)) as cursor:
        return dict(zip(channels, cursor.execute(_STANDING, asked), strict=True))
