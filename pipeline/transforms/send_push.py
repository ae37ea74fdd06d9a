"""The steps of the push graph: wake-ups in, deliveries that were tried out."""

import time
from collections.abc import Iterable
from typing import Final

import apache_beam as beam

from pipeline.coders import CarriedCoder
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.push.channels import CHANNELS, channels_on
from pipeline.steps.push.check import CheckedPushes, check_pushes
from pipeline.steps.push.claim import ClaimedPushes, claims_of, keeper_of
from pipeline.steps.push.outbox import outbox_of
from pipeline.steps.push.sender import PushSender
from pipeline.steps.push.tried import TriedPushes
from pipeline.transforms.fetch import OnStart

# How long one wake-up claims batch after batch. Then the source may take messages again.
CLAIM_SECONDS: Final = 2.0


for _carried in (ClaimedPushes, CheckedPushes, TriedPushes):
    beam.coders.registry.register_coder(_carried, CarriedCoder)


class ClaimPushes(beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[ClaimedPushes]]):
    """Claim what is due at each wake-up, the channels in turns, until nothing is due.

    What a wake-up says does not matter: it only wakes.
    """

    def __init__(self, sender: PushSender, on_start: OnStart | None) -> None:
        super().__init__()
        self._fn = _ClaimPushes(sender, on_start)

    def expand(self, wake_ups: beam.PCollection[list[WakeUp]]) -> beam.PCollection[ClaimedPushes]:
        """Add one step."""
        return wake_ups | "Take" >> beam.ParDo(self._fn)


class CheckPushes(
    beam.PTransform[beam.PCollection[ClaimedPushes], beam.PCollection[CheckedPushes]]
):
    """Leave out what is not to be sent any more, with the reason; note who is asked."""

    def __init__(self, sender: PushSender) -> None:
        super().__init__()
        self._fn = _CheckPushes(sender)

    def expand(self, claimed: beam.PCollection[ClaimedPushes]) -> beam.PCollection[CheckedPushes]:
        """Add one step."""
        return claimed | "Look" >> beam.ParDo(self._fn)


class SendPushes(beam.PTransform[beam.PCollection[CheckedPushes], beam.PCollection[TriedPushes]]):
    """Send, several at a time; output the answers as they come."""

    def __init__(self, sender: PushSender) -> None:
        super().__init__()
        self._fn = _SendPushes(sender)

    def expand(self, checked: beam.PCollection[CheckedPushes]) -> beam.PCollection[TriedPushes]:
        """Add one step."""
        return checked | "Make" >> beam.ParDo(self._fn)


class _ClaimPushes(beam.DoFn):
    def __init__(self, sender: PushSender, on_start: OnStart | None) -> None:
        self._sender = sender
        self._on_start = on_start

    def setup(self) -> None:
        if self._on_start is not None:
            self._on_start()

    def process(self, wake_ups: list[WakeUp]) -> Iterable[ClaimedPushes]:
        started = time.monotonic()
        claims, goes_on, woken = claims_of(self._sender), True, bool(wake_ups)
        while goes_on:
            goes_on = False
            for channel in channels_on(self._sender):
                # Also if it is empty: then answers are read that came meanwhile.
                claimed = claims.claim(channel, woken=woken)
                with keeper_of(self._sender).keeping(claimed.leases):
                    yield claimed
                goes_on |= bool(claimed.leases)
            goes_on &= time.monotonic() - started < CLAIM_SECONDS


class _CheckPushes(beam.DoFn):
    def __init__(self, sender: PushSender) -> None:
        self._sender = sender

    def process(self, claimed: ClaimedPushes) -> Iterable[CheckedPushes]:
        yield check_pushes(self._sender, claimed)


class _SendPushes(beam.DoFn):
    def __init__(self, sender: PushSender) -> None:
        self._sender = sender

    def process(self, checked: CheckedPushes) -> Iterable[TriedPushes]:
        channel = CHANNELS[checked.channel]
        if checked.missed or checked.settlements:
            yield TriedPushes(
                channel=channel.name, missed=checked.missed, settlements=checked.settlements
            )
        patience = None if self._sender.waits else channel.patience
        for tried in outbox_of(self._sender, channel).make(checked.asked, patience):
            yield TriedPushes(channel=channel.name, tried=tried)
