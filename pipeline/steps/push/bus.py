"""The channel ``bus``: a signal to whoever has the application open, and to the phone if nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.push.clients import bus_of, close_bus
from pipeline.clients.push.message import BusSignal
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import Lease, WorkState, end
from pipeline.domain.provider_answer import (
    Absent,
    AuthFailed,
    ProviderReply,
    QuotaExceeded,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)
from pipeline.domain.tried import TriedRequest
from pipeline.push.fallback import BUS_CLOSED, IN_DOUBT, NO_BUS, NOT_CONNECTED, Missed, unreachable
from pipeline.steps.push.channel import Found, Meaning, NotSent, PushChannel, ToSend
from pipeline.steps.push.material import read_told
from pipeline.steps.push.sender import PushSender
from pipeline.steps.sending.doors import Doors
from pipeline.steps.sending.rates import UsualRate

BUS: Final = "bus"
# What the recipient of a broadcast begins with.
TOPIC: Final = "topic:"
# After so many tries without an answer the phone is told: the bus may have it.
MOST_UNANSWERED: Final = 2


class BusChannel(PushChannel):
    """The websocket bus. It gets a hint to fetch, and says how many connections had it.

    Nothing waits while the bus may not be asked: the phone is told.
    """

    name: ClassVar = DeliveryChannel.BUS
    patience: ClassVar = 0.1
    pauses: ClassVar = False
    takes: ClassVar = False

    def rates(self, sender: PushSender) -> Mapping[str, UsualRate]:  # noqa: ARG002
        """Return that of the bus, which is our own: it bounds a claim, and nothing else."""
        return {BUS: UsualRate(1_000, 1_000)}

    def find(
        self,
        sender: PushSender,
        connection: Connection[Any],
        leases: Sequence[Lease],
        doors: Doors[str],
    ) -> Mapping[int, Found]:
        """Return signals for those that are still to be told."""
        told = read_told(connection, leases)
        may_ask = len(leases) if BUS in doors.open else int(doors.trial == BUS)
        found: dict[int, Found] = {}
        for lease in leases:
            row = told[lease.sequence]
            if isinstance(row, str):
                found[lease.sequence] = NotSent(code=row)
            elif sender.push.bus is None:
                found[lease.sequence] = NO_BUS
            elif lease.values["unanswered"] >= MOST_UNANSWERED:
                found[lease.sequence] = IN_DOUBT
            elif may_ask:
                may_ask -= 1
                found[lease.sequence] = ToSend(provider=BUS, message=_signal(lease))
            else:
                found[lease.sequence] = BUS_CLOSED
        return found

    def send(self, sender: PushSender, message: BusSignal) -> ProviderReply:
        """Signal."""
        if sender.push.bus is None:
            raise ValueError("invalid message: expected a bus in the settings")
        return bus_of(sender.push.bus).send(message)

    def meaning(self, tried: TriedRequest, now: datetime, *, free: bool) -> Meaning:
        """Return what an answer means: the phone is next if nobody had it."""
        [lease], [result] = tried.leases, tried.reply.results
        if is_broadcast(lease):
            if isinstance(result, Absent):
                # Those who come later fetch it anyway.
                values = {"provider": BUS, "answered": True}
                return replace(end(lease, WorkState.DONE), values=values)
            return super().meaning(tried, now, free=free)
        return _missed(result, free=free) or super().meaning(tried, now, free=free)

    def close(self, sender: PushSender) -> None:
        """Close the connections to the bus."""
        if sender.push.bus is not None:
            close_bus(sender.push.bus)


def is_broadcast(lease: Lease) -> bool:
    """Whether a delivery goes to a topic, not to a person."""
    return str(lease.values["recipient"]).startswith(TOPIC)


def topic_of(lease: Lease) -> str | None:
    """Return the topic of a broadcast; None if it is none."""
    return lease.values["recipient"].removeprefix(TOPIC) if is_broadcast(lease) else None


def _missed(result: Result, *, free: bool) -> Missed | None:
    match result:
        case Absent():
            return NOT_CONNECTED
        case Unavailable(code=code):
            return unreachable(code, costs=not free)
        case Refused(code=code):
            return unreachable(code, costs=True)
        case RateLimited(code=code) | AuthFailed(code=code) | QuotaExceeded(code=code):
            return unreachable(code, costs=False)
        case _:
            return None


def _signal(lease: Lease) -> BusSignal:
    user: UUID | None = lease.values["user_id"]
    topic = topic_of(lease)
    return BusSignal(id=lease.values["id"], user_id=None if topic else user, topic=topic)
