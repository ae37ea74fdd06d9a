"""Decide: batches of events of one type in; batches of outcomes and of dead letters out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.decide import Policy, decide, leave_unrouted
from pipeline.domain.errors import PermanentError
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.handler import Handler
from pipeline.domain.outcome import Outcome, Page
from pipeline.facts import load_facts, told_up_to
from pipeline.postgres.retry import with_connection
from pipeline.postgres.visible import wait_until_visible
from pipeline.settings import DatabaseSettings
from pipeline.transforms.tags import DEAD, OUTCOMES, Outputs

STAGE: Final = "decide"
# Whoever has more is told in pages of so many.
MOST_RECIPIENTS: Final = 25_000
# What follows from the events of one portion, give or take the last of them.
MOST_ROWS: Final = 100_000

Decided = tuple[list[Outcome], list[DeadLetter]]

Batches = beam.PCollection[list[Event[Any]]]


def decide_batch(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
) -> tuple[list[Outcome], list[DeadLetter]]:
    """All that ``decide_in_turn`` gives, at once."""
    outcomes, letters = [], []
    for decided, dead in decide_in_turn(settings, handler, events, policy):
        outcomes += decided
        letters += dead
    return outcomes, letters


def decide_in_turn(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
    *,
    page_size: int = MOST_RECIPIENTS,
) -> Iterator[Decided]:
    """Load the facts of a batch, then decide its events one by one.

    What an event's own transaction wrote is among the facts, so it is waited for first. Where
    Postgres refuses the facts of a batch it is halved until the event at fault stands alone.

    What follows comes in portions that fit into memory whatever they are of: first the events that
    an ordinary number of people hear of, then the others, a page of recipients at a time.

    Raises:
        TransientError: the facts could not be loaded; what was not given yet is undecided.
        ConfigurationError: the facts cannot be loaded.
    """
    wait_until_visible(settings, (event.id for event in events))
    now = datetime.now(UTC)
    oldest = policy.expired_before(now)
    try:
        facts = with_connection(
            settings,
            lambda connection: load_facts(
                connection, handler, events, expired_before=oldest, most=page_size + 1
            ),
        )
    except PermanentError as error:
        if len(events) == 1:
            yield [], [DeadLetter.of(events[0].message, STAGE, error)]
            return
        middle = len(events) // 2
        for half in (events[:middle], events[middle:]):
            yield from decide_in_turn(settings, handler, half, policy, page_size=page_size)
        return
    crowded = {event_id for event_id, found in facts.candidates.items() if len(found) > page_size}
    outcomes: list[Outcome] = []
    letters: list[DeadLetter] = []
    rows = 0
    for event in events:
        # One that comes too late is told to nobody, however many they are.
        if event.id in crowded and policy.expiry(event, now) is None:
            continue
        try:
            outcome = decide(handler, event, facts, policy, now=now)
        except PermanentError as error:
            letters.append(DeadLetter.of(event.message, STAGE, error))
            continue
        outcomes.append(outcome)
        rows += len(outcome.effects) + len(outcome.skips)
        if rows > MOST_ROWS:
            yield outcomes, letters
            outcomes, letters, rows = [], [], 0
    yield outcomes, letters
    for event in events:
        if event.id in crowded and policy.expiry(event, now) is None:
            yield from _decide_pages(settings, handler, event, policy, page_size)


def _decide_pages(
    settings: DatabaseSettings,
    handler: Handler[Any],
    event: Event[Any],
    policy: Policy,
    page_size: int,
) -> Iterator[Decided]:
    """Decide an event for some thousand recipients at a time, from where it got to before."""
    up_to = with_connection(settings, lambda connection: told_up_to(connection, event.id))
    last = False
    while not last:
        after = up_to
        load = partial(load_facts, handler=handler, events=[event], after=after, most=page_size)
        facts = with_connection(settings, load)
        candidates = facts.candidates.get(event.id, ())
        last = len(candidates) < page_size
        up_to = candidates[-1].user_id if candidates else after
        try:
            # Not now: an event that was in time for its first page is so for all of them.
            outcome = decide(handler, event, facts, policy, now=event.created_at)
        except PermanentError as error:
            yield [], [DeadLetter.of(event.message, STAGE, error)]
            return
        yield [replace(outcome, page=Page(after, up_to, last))], []


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
        for outcomes, letters in decide_in_turn(
            self._settings, self._handler, events, self._policy
        ):
            if letters:
                yield TaggedOutput(DEAD, letters)
            if outcomes:
                yield outcomes


def leave_batch_unrouted(events: list[Unrouted]) -> list[Outcome]:
    """The outcomes of events whose types no handler knows."""
    return [leave_unrouted(event) for event in events]
