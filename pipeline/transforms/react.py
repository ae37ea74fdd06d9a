"""The steps of the graph of reactions: wake-ups in, events whose handlers were asked out."""

import time
from collections.abc import Iterable
from typing import Final, Literal

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.coders import CarriedCoder
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.lease import Lease
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.reactions.batches import (
    ClaimedReactions,
    DecodedReactions,
    TriedReactions,
    by_handler,
    decode_claimed,
    react_to,
)
from pipeline.steps.reactions.claim import claims_of, ids_of, keeper_of
from pipeline.steps.reactions.reactor import Reactor
from pipeline.steps.reactions.suspect import is_suspect, sparing
from pipeline.transforms.fetch import OnStart
from pipeline.transforms.outputs import EVENTS, UNDECODED, Outputs, RoutedReactions

# How long one wake-up claims batch after batch. Then the source may take messages again.
CLAIM_SECONDS: Final = 2.0

Undecoded = TaggedOutput[Literal["undecoded"], TriedReactions]

for _carried in (ClaimedReactions, DecodedReactions, TriedReactions):
    beam.coders.registry.register_coder(_carried, CarriedCoder)


class ClaimReactions(
    beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[ClaimedReactions]]
):
    """Claim what is due at each wake-up, batch after batch, until nothing is due.

    An id in a wake-up says which event is new. Without one it only wakes.
    """

    def __init__(self, reactor: Reactor, on_start: OnStart | None) -> None:
        super().__init__()
        self._fn = _ClaimReactions(reactor, on_start)

    def expand(
        self, wake_ups: beam.PCollection[list[WakeUp]]
    ) -> beam.PCollection[ClaimedReactions]:
        """Add one step."""
        return wake_ups | "Take" >> beam.ParDo(self._fn)


class DecodeReactions(beam.PTransform[beam.PCollection[ClaimedReactions], Outputs]):
    """Read the rows of a batch and decode them.

    The outputs are ``events``, the main output, and ``undecoded``: how the others end.
    """

    def __init__(self, reactor: Reactor) -> None:
        super().__init__()
        self._fn = _DecodeReactions(reactor)

    def expand(self, claimed: beam.PCollection[ClaimedReactions]) -> Outputs:
        """Add one step."""
        return claimed | "Parse" >> beam.ParDo(self._fn).with_outputs(UNDECODED, main=EVENTS)


class RouteReactions(beam.PTransform[beam.PCollection[DecodedReactions], Outputs]):
    """Send every event to the output of its handler, which is named after the handler's type."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__()
        self._types = sorted(reactor.handlers)

    def expand(self, decoded: beam.PCollection[DecodedReactions]) -> Outputs:
        """Add one step."""
        types = dict.fromkeys(self._types, DecodedReactions)
        # Beam requires a type for the main output, which this step does not use.
        tag = beam.FlatMap(_tag).with_output_types(DecodedReactions, **types)
        return decoded | "Tag" >> tag.with_outputs(*types)


class React(beam.PTransform[beam.PCollection[DecodedReactions], beam.PCollection[TriedReactions]]):
    """Ask the handler of one type about each event of a batch."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__()
        self._fn = _React(reactor)

    def expand(
        self, decoded: beam.PCollection[DecodedReactions]
    ) -> beam.PCollection[TriedReactions]:
        """Add one step."""
        return decoded | "Ask" >> beam.ParDo(self._fn)


class _ClaimReactions(beam.DoFn):
    def __init__(self, reactor: Reactor, on_start: OnStart | None) -> None:
        self._reactor = reactor
        self._on_start = on_start

    def setup(self) -> None:
        if self._on_start is not None:
            self._on_start()

    def process(self, wake_ups: list[WakeUp]) -> Iterable[ClaimedReactions]:
        started = time.monotonic()
        claims, ids = claims_of(self._reactor), ids_of(wake_ups)
        goes_on = True
        while goes_on:
            leases = claims.claim(ids)
            if leases:
                # The steps are fused: here it goes on when the batch is written.
                with (
                    keeper_of(self._reactor).keeping(leases),
                    sparing(self._reactor.database, leases),
                ):
                    yield ClaimedReactions(leases=leases)
            # What waits for one of these is due when they have ended.
            is_more = len(leases) == BATCH_SIZE or any(map(self._is_waited_for, leases))
            goes_on = is_more and time.monotonic() - started < CLAIM_SECONDS
            ids = []

    def _is_waited_for(self, lease: Lease) -> bool:
        return is_suspect(lease) or self._reactor.keeps_order(lease)


class _DecodeReactions(beam.DoFn):
    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def process(self, claimed: ClaimedReactions) -> Iterable[DecodedReactions | Undecoded]:
        decoded, undecoded = decode_claimed(self._reactor, claimed)
        if decoded.events:
            yield decoded
        if undecoded.settlements:
            yield Undecoded(UNDECODED, undecoded)


def _tag(decoded: DecodedReactions) -> Iterable[RoutedReactions]:
    for name, events in by_handler(decoded).items():
        yield TaggedOutput(name, events)


class _React(beam.DoFn):
    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def process(self, decoded: DecodedReactions) -> Iterable[TriedReactions]:
        yield react_to(self._reactor, decoded)
