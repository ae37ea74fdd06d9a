"""The requests of push that are being made: each channel has its own."""

from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeAlias

from pipeline.domain.lease import Lease
from pipeline.domain.provider_answer import ProviderReply
from pipeline.steps.push.channel import PushChannel
from pipeline.steps.push.sender import LEASE, PushSender
from pipeline.steps.push.table import PUSHES
from pipeline.steps.sending.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPush:
    """A request for one delivery that is noted in the ledger, and may be made now.

    Attributes:
        provider: who is asked.
        leases: of the one delivery.
        message: what is sent.
        trial: whether it is the trial of an open breaker.
    """

    provider: str
    leases: tuple[Lease, ...]
    message: Any = field(repr=False)
    trial: bool = False


PushOutbox: TypeAlias = Outbox[AskedPush]


def new_push_outbox(sender: PushSender, channel: PushChannel) -> PushOutbox:
    """Return an outbox without requests."""
    return Outbox(
        sender.database,
        lambda: PUSHES,
        partial(_send, sender, channel),
        lease=LEASE,
        concurrency=channel.concurrency,
        name=f"push-{channel.name}",
    )


def _send(sender: PushSender, channel: PushChannel, asked: AskedPush) -> ProviderReply:
    return channel.send(sender, asked.message)


@cache
def outbox_of(sender: PushSender, channel: PushChannel) -> PushOutbox:
    """Return the one outbox of the process for this sender and channel."""
    return new_push_outbox(sender, channel)
