"""Decide: batches of events of one type in; what they lead to out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import apache_beam as beam
from psycopg import Connection

from pipeline.domain.batches import Decided
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.decide import Policy, decide, leave_unrouted
from pipeline.domain.errors import PermanentError
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.facts import Facts
from pipeline.domain.handler import Handler
from pipeline.domain.outcome import Outcome
from pipeline.facts import load_facts
from pipeline.postgres.halving import in_halves
from pipeline.postgres.retry import with_connection
from pipeline.settings import DatabaseSettings

STAGE: Final = "decide"

Batches = beam.PCollection[list[Event[Any]]]


def decide_batch(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
) -> Decided:
    """Load the facts of a batch, then decide its events one by one.

    The events' rows have been seen, so what their transactions wrote is among the facts. Where
    Postgres refuses the facts of a batch it is halved until the event at fault stands alone.

    Raises:
        TransientError: the facts could not be loaded; nothing was decided.
        ConfigurationError: the facts cannot be loaded.
    """
    now = datetime.now(UTC)
    oldest = policy.expired_before(now)

    def load(some: Sequence[Event[Any]]) -> Facts:
        def work(connection: Connection[Any]) -> Facts:
            return load_facts(connection, handler, some, expired_before=oldest)

        return with_connection(settings, work)

    outcomes: list[Outcome] = []
    letters: list[DeadLetter] = []
    for some, facts in in_halves(events, load):
        if isinstance(facts, PermanentError):
            letters.append(_letter(some[0], facts))
            continue
        for event in some:
            try:
                outcomes.append(decide(handler, event, facts, policy, now=now))
            except PermanentError as error:
                letters.append(_letter(event, error))
    return Decided(outcomes, letters)


def _letter(event: Event[Any], error: PermanentError) -> DeadLetter:
    return DeadLetter.of_event(event.id, event.type, STAGE, error)


class Decide(beam.PTransform[Batches, beam.PCollection[Decided]]):
    """Decide batches of events with a handler."""

    def __init__(self, settings: DatabaseSettings, handler: Handler[Any], policy: Policy) -> None:
        super().__init__()
        self._fn = _Decide(settings, handler, policy)

    def expand(self, batches: Batches) -> beam.PCollection[Decided]:
        """One step."""
        return batches | "Handle" >> beam.Map(self._fn)


class _Decide:
    def __init__(self, settings: DatabaseSettings, handler: Handler[Any], policy: Policy) -> None:
        self._settings = settings
        self._handler = handler
        self._policy = policy

    def __call__(self, events: list[Event[Any]]) -> Decided:
        return decide_batch(self._settings, self._handler, events, self._policy)


def leave_batch_unrouted(events: Sequence[Unrouted]) -> Decided:
    """The outcomes of events whose types no handler knows."""
    return Decided([leave_unrouted(event) for event in events])
