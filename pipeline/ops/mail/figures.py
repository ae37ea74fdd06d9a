"""Reads how mails stand: what waits, what ended in the last hour, and what is wrong with that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.units import counted, counted_waiting, duration
from pipeline.ops.deliveries.standing import STUCK_SECONDS, read_standing

# Above these somebody should look. The policies in deploy/monitoring have the same.
MOST_WAITING: Final = 100
MOST_FAILED: Final = 10
SLOW_SECONDS: Final = 120.0

_CHANNEL: Final = "email"
_HAS_MAILS: Final = load("pipeline.ops.mail", "has_mails")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFigures:
    """How mails stand.

    Attributes:
        waiting: mails that are due and have not ended, those behind a switch included.
        oldest_seconds: for how long the oldest of them is due; None if there is none.
        stuck: those that the sender could have taken for ten minutes, and did not.
        held: mails that wait for the decision of a person.
        sent_last_hour: mails that a provider accepted within the last hour.
        seconds_to_send: their mean from when they were due; None if there is none.
        failed_last_hour: mails that failed for good within the last hour.
        expired_last_hour: mails that were not sent in time.
    """

    waiting: int
    oldest_seconds: float | None
    stuck: int
    held: int
    sent_last_hour: int
    seconds_to_send: float | None
    failed_last_hour: int
    expired_last_hour: int

    @property
    def standstills(self) -> Sequence[str]:
        """What keeps people from getting their mails."""
        says = []
        if self.stuck:
            due = duration(STUCK_SECONDS)
            says.append(f"{counted(self.stuck, 'mail')} could be sent for {due}, nobody takes them")
        if self.failed_last_hour > MOST_FAILED:
            says.append(f"{counted(self.failed_last_hour, 'mail')} failed for good in an hour")
        return says

    @property
    def delays(self) -> Sequence[str]:
        """What somebody should look at in working hours."""
        says = []
        if self.waiting > MOST_WAITING:
            says.append(counted_waiting(self.waiting, "mail"))
        if self.seconds_to_send is not None and self.seconds_to_send > SLOW_SECONDS:
            says.append(f"sending takes {duration(self.seconds_to_send)} on average")
        if self.held:
            says.append(f"{counted_waiting(self.held, 'mail')} for a person to decide")
        return says


def read_mails(connection: Connection[Any]) -> MailFigures | None:
    """Return how mails stand; None without the family mail."""
    if connection.execute(_HAS_MAILS).fetchone() != (True,):
        return None
    standing = read_standing(connection, [_CHANNEL])[_CHANNEL]
    return MailFigures(
        waiting=standing.waiting,
        oldest_seconds=standing.oldest_seconds,
        stuck=standing.stuck,
        held=standing.held,
        sent_last_hour=standing.sent_last_hour,
        seconds_to_send=standing.seconds_to_send,
        failed_last_hour=standing.failed_last_hour,
        expired_last_hour=standing.expired_last_hour,
    )
