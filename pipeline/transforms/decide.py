"""Decide: batches of events of one type in; batches of outcomes and of dead letters out."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.decide import Policy, decide, leave_unrouted
from pipeline.domain.errors import PermanentError
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.handler import Handler
from pipeline.domain.outcome import Outcome
from pipeline.facts import load_facts
from pipeline.postgres.retry import with_connection
from pipeline.postgres.visible import wait_until_visible
from pipeline.settings import DatabaseSettings
from pipeline.transforms.tags import DEAD, OUTCOMES, Outputs

STAGE: Final = "decide"

Batches = beam.PCollection[list[Event[Any]]]


def decide_batch(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
) -> tuple[list[Outcome], list[DeadLetter]]:
    """Load the facts of a batch, then decide its events one by one.

    What an event's own transaction wrote is among the facts, so it is waited for first. Where
    Postgres refuses the facts of a batch it is halved until the event at fault stands alone.

    Raises:
        TransientError: the facts could not be loaded; nothing was decided.
        ConfigurationError: the facts cannot be loaded.
    """
    wait_until_visible(settings, (event.id for event in events))
    now = datetime.now(UTC)
    oldest = policy.expired_before(now)
    try:
        facts = with_connection(
            settings,
            lambda connection: load_facts(connection, handler, events, expired_before=oldest),
        )
    except PermanentError as error:
        if len(events) == 1:
            return [], [DeadLetter.of(events[0].message, STAGE, error)]
        middle = len(events) // 2
        halves = [
            decide_batch(settings, handler, half, policy)
            for half in (events[:middle], events[middle:])
        ]
        return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
    outcomes, letters = [], []
    for event in events:
        try:
            outcomes.append(decide(handler, event, facts, policy, now=now))
        except PermanentError as error:
            letters.append(DeadLetter.of(event.message, STAGE, error))
    return outcomes, letters


class Decide(beam.PTransform[Batches, Outputs]):
    """Decide batches of events with a handler; outputs ``outcomes`` and ``dead``."""

    def __init__(self, settings: DatabaseSettings, handler: Handler[Any], policy: Policy) -> None:
        super().__init__()
        self._fn = _Decide(settings, handler, policy)

    def expand(self, batches: Batches) -> Outputs:
        """One step with two outputs."""
        handle = beam.ParDo(self._fn).with_output_types(list[Outcome], dead=list[DeadLetter])
        return batches | "Handle" >> handle.with_outputs(DEAD, main=OUTCOMES)


class _Decide(beam.DoFn):
    def __init__(self, settings: DatabaseSettings, handler: Handler[Any], policy: Policy) -> None:
        self._settings = settings
        self._handler = handler
        self._policy = policy

    def process(self, events: list[Event[Any]]) -> Iterable[Any]:
        outcomes, letters = decide_batch(self._settings, self._handler, events, self._policy)
        if letters:
            yield TaggedOutput(DEAD, letters)
        if outcomes:
            yield outcomes


def leave_batch_unrouted(events: list[Unrouted]) -> list[Outcome]:
    """The outcomes of events whose types no handler knows."""
    return [leave_unrouted(event) for event in events]
