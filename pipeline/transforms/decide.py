"""Decide: batches of events of one type in; what they lead to out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Final

import apache_beam as beam
from psycopg import Connection

from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import PermanentError
from pipeline.facts import load_facts, told_up_to
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy, decide, leave_unrouted
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.facts import Facts
from pipeline.fanout.handler import Handler
from pipeline.fanout.outcome import Outcome, Page
from pipeline.settings import DatabaseSettings

STAGE: Final = "decide"
# Whoever has more is told in pages of so many; where other events wait for the page, of fewer.
MOST_RECIPIENTS: Final = 25_000
RECIPIENTS_IN_TURN: Final = 2_000
# What follows from the events of one portion, give or take the last of them.
MOST_ROWS: Final = 100_000

Batches = beam.PCollection[list[Event[Any]]]


def decide_batch(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
) -> Decided:
    """All that ``decide_in_turn`` gives, at once."""
    outcomes: list[Outcome] = []
    letters: list[DeadLetter] = []
    for decided in decide_in_turn(settings, handler, events, policy):
        outcomes += decided.outcomes
        letters += decided.letters
    return Decided(outcomes, letters)


class _Portion:
    """What was decided since the last portion was given."""

    def __init__(self) -> None:
        self.rows = 0
        self._outcomes: list[Outcome] = []
        self._letters: list[DeadLetter] = []

    @property
    def decided(self) -> Decided:
        return Decided(self._outcomes, self._letters)

    def add(self, decided: Outcome | DeadLetter) -> None:
        if isinstance(decided, DeadLetter):
            self._letters.append(decided)
        else:
            self._outcomes.append(decided)
            self.rows += len(decided.effects) + len(decided.skips)


def decide_in_turn(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
    *,
    page_size: int = MOST_RECIPIENTS,
    one_page: bool = False,
) -> Iterator[Decided]:
    """Load the facts of a batch, then decide its events one by one.

    The events' rows have been seen, so what their transactions wrote is among the facts. Where
    Postgres refuses the facts of a batch it is halved until the event at fault stands alone.

    What follows comes in portions that fit into memory whatever they are of: first the events that
    an ordinary number of people hear of, then the others, a page of recipients at a time.

    Args:
        settings: the database.
        handler: of the events' type.
        events: of one type.
        policy: what holds for every type.
        page_size: the most recipients of a page.
        one_page: end after the first page of an event that has several.

    Raises:
        TransientError: the facts could not be loaded; what was not given yet is undecided.
        ConfigurationError: the facts cannot be loaded.
    """
    now = datetime.now(UTC)
    oldest = policy.expired_before(now)

    def load(some: Sequence[Event[Any]]) -> Facts:
        def work(connection: Connection[Any]) -> Facts:
            return load_facts(connection, handler, some, expired_before=oldest, most=page_size + 1)

        return with_connection(settings, work)

    portion = _Portion()
    crowded: list[Event[Any]] = []
    for some, facts in in_halves(events, load):
        if isinstance(facts, PermanentError):
            portion.add(_letter(some[0], facts))
            continue
        for event in some:
            # One that comes too late is told to nobody, however many they are.
            if len(facts.candidates.get(event.id, ())) > page_size and not policy.expiry(
                event, now
            ):
                crowded.append(event)
                continue
            portion.add(_decide(handler, event, facts, policy, now))
            if portion.rows > MOST_ROWS:
                yield portion.decided
                portion = _Portion()
    yield portion.decided
    for event in crowded:
        pages = _decide_pages(settings, handler, event, policy, page_size)
        yield from islice(pages, 1) if one_page else pages


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
        # Not now: an event that was in time for its first page is so for all of them.
        outcome = _decide(handler, event, facts, policy, event.created_at)
        if isinstance(outcome, DeadLetter):
            yield Decided(letters=[outcome])
            return
        yield Decided([replace(outcome, page=Page(after, up_to, last))])


def _decide(
    handler: Handler[Any], event: Event[Any], facts: Facts, policy: Policy, now: datetime
) -> Outcome | DeadLetter:
    try:
        return decide(handler, event, facts, policy, now=now)
    except PermanentError as error:
        return _letter(event, error)


def _letter(event: Event[Any], error: PermanentError) -> DeadLetter:
    return DeadLetter.of_event(event.id, event.type, STAGE, error)


class Decide(beam.PTransform[Batches, beam.PCollection[Decided]]):
    """Decide batches of events with a handler.

    Args:
        settings: the database.
        handler: of the events' type.
        policy: what holds for every type.
        one_page: see to a page of each event that has several, and leave it to others to go on.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        handler: Handler[Any],
        policy: Policy,
        *,
        one_page: bool = False,
    ) -> None:
        super().__init__()
        self._fn = partial(
            decide_in_turn,
            settings,
            handler,
            policy=policy,
            page_size=RECIPIENTS_IN_TURN if one_page else MOST_RECIPIENTS,
            one_page=one_page,
        )

    def expand(self, batches: Batches) -> beam.PCollection[Decided]:
        """One step."""
        return batches | "Handle" >> beam.FlatMap(self._fn).with_output_types(Decided)


def leave_batch_unrouted(events: Sequence[Unrouted]) -> Decided:
    """The outcomes of events whose types no handler knows."""
    return Decided([leave_unrouted(event) for event in events])
