"""Decide a batch: events of one type in; their outcomes and dead letters out, in portions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import PermanentError
from pipeline.domain.payload import PayloadT
from pipeline.facts import load_facts, told_up_to
from pipeline.fanout.ask import Asked, ask
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy, decide, expire, leave_unrouted
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.facts import Facts
from pipeline.fanout.handler import Handler
from pipeline.fanout.outcome import Outcome, OutcomePage
from pipeline.settings import DatabaseSettings

STAGE: Final = "decide"
# An event with more recipients is decided in pages of this size.
PAGE_SIZE: Final = 25_000
# The same, if other events wait until the page is done.
SHORT_PAGE_SIZE: Final = 2_000
# A portion ends with the event that exceeds this number of rows.
MOST_ROWS: Final = 100_000


def decide_batch(
    settings: DatabaseSettings,
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    policy: Policy,
) -> Decided:
    """Return all portions of ``decide_in_portions`` as one."""
    outcomes: list[Outcome] = []
    letters: list[DeadLetter] = []
    for decided in decide_in_portions(settings, handler, events, policy):
        outcomes += decided.outcomes
        letters += decided.letters
    return Decided(outcomes, letters)


def leave_batch_unrouted(events: Sequence[Unrouted]) -> Decided:
    """Return the outcomes of events whose types have no handler."""
    return Decided([leave_unrouted(event) for event in events])


class _Portion:
    """The outcomes and dead letters since the last portion was yielded."""

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


def decide_in_portions(
    settings: DatabaseSettings,
    handler: Handler[PayloadT],
    events: Sequence[Event[PayloadT]],
    policy: Policy,
    *,
    page_size: int = PAGE_SIZE,
    one_page: bool = False,
    clock: Clock = utc_now,
) -> Iterator[Decided]:
    """Ask the handler of each event, load the facts of the batch, then decide event by event.

    The rows of the events are visible, so the facts include everything that their transactions
    wrote. If Postgres rejects the facts of a batch, the batch is halved until the faulty event is
    alone.

    Every portion fits into memory. The first portions hold the events with at most ``page_size``
    recipients. The other events follow, one page of recipients at a time.

    Args:
        settings: the database.
        handler: the handler of the event type.
        events: events of one type.
        policy: the rules for all event types.
        page_size: the maximum number of recipients of a page.
        one_page: decide only the first page of an event with several pages.
        clock: the clock for the age of events.

    Raises:
        TransientError: the facts could not be loaded. Events not yet yielded are undecided.
        ConfigurationError: the facts cannot be loaded until a person fixes it.
    """
    now = clock()
    oldest = policy.expired_before(now)

    def load(some: Sequence[Asked[PayloadT]]) -> Facts:
        def work(connection: Connection[Any]) -> Facts:
            return load_facts(
                connection,
                some,
                handler.preference.name,
                expired_before=oldest,
                most=page_size + 1,
            )

        return with_connection(settings, work)

    portion = _Portion()
    asked = _ask_in_time(handler, events, policy, now, portion)
    crowded: list[Asked[PayloadT]] = []
    for some, facts in in_halves(asked, load):
        if isinstance(facts, PermanentError):
            portion.add(_letter(some[0].event, facts))
            continue
        for each in some:
            if len(facts.candidates.get(each.event.id, ())) > page_size:
                crowded.append(each)
                continue
            portion.add(_decide(handler, each, facts, policy))
            if portion.rows > MOST_ROWS:
                yield portion.decided
                portion = _Portion()
    yield portion.decided
    for each in crowded:
        pages = _decide_pages(settings, handler, each, policy, page_size)
        yield from islice(pages, 1) if one_page else pages


def _decide_pages(
    settings: DatabaseSettings,
    handler: Handler[PayloadT],
    asked: Asked[PayloadT],
    policy: Policy,
    page_size: int,
) -> Iterator[Decided]:
    """Decide an event page by page. Start after the last recipient in the ledger."""
    event_id, name = asked.event.id, handler.preference.name
    up_to = with_connection(settings, lambda connection: told_up_to(connection, event_id))
    last = False
    while not last:
        after = up_to
        load = partial(load_facts, asked=[asked], preference=name, after=after, most=page_size)
        facts = with_connection(settings, load)
        candidates = facts.candidates.get(event_id, ())
        last = len(candidates) < page_size
        up_to = candidates[-1].user_id if candidates else after
        outcome = _decide(handler, asked, facts, policy)
        if isinstance(outcome, DeadLetter):
            yield Decided(letters=[outcome])
            return
        yield Decided([replace(outcome, page=OutcomePage(after, up_to, last))])


def _ask_in_time(
    handler: Handler[PayloadT],
    events: Iterable[Event[PayloadT]],
    policy: Policy,
    now: datetime,
    portion: _Portion,
) -> list[Asked[PayloadT]]:
    """Return the answers of the handler. Expired and failed events go into the portion."""
    asked = []
    for event in events:
        answer = expire(event, policy, now) or _ask(handler, event)
        if isinstance(answer, Asked):
            asked.append(answer)
        else:
            portion.add(answer)
    return asked


def _ask(handler: Handler[PayloadT], event: Event[PayloadT]) -> Asked[PayloadT] | DeadLetter:
    try:
        return ask(handler, event)
    except PermanentError as error:
        return _letter(event, error)


def _decide(
    handler: Handler[PayloadT], asked: Asked[PayloadT], facts: Facts, policy: Policy
) -> Outcome | DeadLetter:
    try:
        return decide(handler, asked, facts, policy)
    except PermanentError as error:
        return _letter(asked.event, error)


def _letter(event: Event[Any], error: PermanentError) -> DeadLetter:
    return DeadLetter.of_event(event.id, event.type, STAGE, error)
