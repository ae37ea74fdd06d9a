"""The steps of the mail graph: wake-ups in, mails that were tried out."""

import time
from collections.abc import Iterable
from typing import Final

import apache_beam as beam

from pipeline.coders import CarriedCoder
from pipeline.domain.tried import TriedMails
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.mail.check import CheckedMails, check_mails
from pipeline.steps.mail.claim import ClaimedMails, claims_of, keeper_of
from pipeline.steps.mail.outbox import outbox_of
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.mail.sender import Sender
from pipeline.transforms.fetch import OnStart

# How long one wake-up claims batch after batch. Then the source may take messages again.
CLAIM_SECONDS: Final = 2.0


for _carried in (ClaimedMails, CheckedMails, TriedMails):
    beam.coders.registry.register_coder(_carried, CarriedCoder)


class ClaimMails(beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[ClaimedMails]]):
    """Claim what is due at each wake-up, batch after batch, until nothing is due.

    What a wake-up says does not matter: it only wakes.
    """

    def __init__(self, sender: Sender, on_start: OnStart | None) -> None:
        super().__init__()
        self._fn = _Claim(sender, on_start)

    def expand(self, wake_ups: beam.PCollection[list[WakeUp]]) -> beam.PCollection[ClaimedMails]:
        """Add one step."""
        return wake_ups | "Take" >> beam.ParDo(self._fn)


class CheckMails(beam.PTransform[beam.PCollection[ClaimedMails], beam.PCollection[CheckedMails]]):
    """Leave out what is not to be sent any more, with the reason."""

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self._fn = _Check(sender)

    def expand(self, claimed: beam.PCollection[ClaimedMails]) -> beam.PCollection[CheckedMails]:
        """Add one step."""
        return claimed | "Look" >> beam.ParDo(self._fn)


class SendMails(beam.PTransform[beam.PCollection[CheckedMails], beam.PCollection[TriedMails]]):
    """Freeze and send mails, several at a time; output the answers as they come."""

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self._fn = _Send(sender)

    def expand(self, checked: beam.PCollection[CheckedMails]) -> beam.PCollection[TriedMails]:
        """Add one step."""
        return checked | "Make" >> beam.ParDo(self._fn)


class _Claim(beam.DoFn):
    def __init__(self, sender: Sender, on_start: OnStart | None) -> None:
        self._sender = sender
        self._on_start = on_start

    def setup(self) -> None:
        if self._on_start is not None:
            self._on_start()

    def process(self, wake_ups: list[WakeUp]) -> Iterable[ClaimedMails]:  # noqa: ARG002
        started = time.monotonic()
        keeper = keeper_of(self._sender)
        claimed = claims_of(self._sender).claim()
        # The first one also if it is empty: then answers are read that came meanwhile.
        with keeper.keeping(claimed.leases):
            yield claimed
        while claimed.leases and time.monotonic() - started < CLAIM_SECONDS:
            claimed = claims_of(self._sender).claim()
            if claimed.leases or claimed.doors.trial is not None:
                with keeper.keeping(claimed.leases):
                    yield claimed


class _Check(beam.DoFn):
    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def process(self, claimed: ClaimedMails) -> Iterable[CheckedMails]:
        yield check_mails(self._sender, claimed)


class _Send(beam.DoFn):
    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def process(self, checked: CheckedMails) -> Iterable[TriedMails]:
        planned = plan_requests(self._sender, checked)
        if planned.settlements:
            yield TriedMails(settlements=planned.settlements)
        outbox = outbox_of(self._sender)
        for tried in outbox.make(planned.asked, self._sender.patience):
            yield TriedMails(tried=tried)
