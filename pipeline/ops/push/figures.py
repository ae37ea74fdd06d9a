"""Reads how pushes stand on each way out: the bus, phones, and endpoints of other systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.units import counted, duration
from pipeline.ops.deliveries.standing import STUCK_SECONDS, DeliveryStanding, read_standing

# The channels of push, and what a person calls a delivery on each.
CHANNELS: Final[Mapping[str, str]] = {"bus": "signal", "fcm": "push", "webhook": "webhook"}
# Phones lose the application at any time. Above this, and above what arrives, somebody should look.
MOST_FAILED: Final = 10

_HAS_PUSHES: Final = load(__package__, "has_pushes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """How the deliveries of one channel of push stand.

    Attributes:
        waiting: those that are due and have not ended, without those that are held back.
        later: those of them that wait for a later time: of a retry, or the end of quiet hours.
        oldest_seconds: for how long the oldest that could be sent could be; None if there is none.
        stuck: those that could be sent for ten minutes, and nobody took them.
        held_back: those behind a switch, and those that wait for the decision of a person.
        in_digest: those that were too much for the phone: the next digest tells them.
        sent_last_hour: those that were accepted within the last hour.
        failed_last_hour: those that failed for good within the last hour.
        expired_last_hour: those that were not sent in time.
    """

    waiting: int
    later: int
    oldest_seconds: float | None
    stuck: int
    held_back: int
    in_digest: int
    sent_last_hour: int
    failed_last_hour: int
    expired_last_hour: int

    def standstills(self, channel: str) -> Sequence[str]:
        """Say what keeps the deliveries of this channel from being sent."""
        if not self.stuck:
            return []
        due = duration(STUCK_SECONDS)
        could = counted(self.stuck, CHANNELS[channel])
        return [f"{could} could be sent for {due}, nobody takes them"]

    def failures(self, channel: str) -> Sequence[str]:
        """Say that most deliveries of this channel failed."""
        if self.failed_last_hour <= max(MOST_FAILED, self.sent_last_hour):
            return []
        lost = counted(self.failed_last_hour, CHANNELS[channel])
        return [f"{lost} failed for good in an hour, {self.sent_last_hour:,} arrived"]


def read_pushes(connection: Connection[Any]) -> Mapping[str, ChannelFigures] | None:
    """Return how pushes stand, by channel; None without the family push."""
    if connection.execute(_HAS_PUSHES).fetchone() != (True,):
        return None
    standing = read_standing(connection, list(CHANNELS))
    return {channel: _figures(each) for channel, each in standing.items()}


def _figures(standing: DeliveryStanding) -> ChannelFigures:
    return ChannelFigures(
        waiting=standing.waiting - standing.paused,
        later=standing.later,
        oldest_seconds=standing.ready_seconds,
        stuck=standing.stuck,
        held_back=standing.paused + standing.held,
        in_digest=standing.in_digest,
        sent_last_hour=standing.sent_last_hour,
        failed_last_hour=standing.failed_last_hour,
        expired_last_hour=standing.expired_last_hour,
    )
