"""What a replay would lead to: the pipeline's own steps up to the write, which is left out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.decide import Policy, leave_unrouted
from pipeline.domain.effects import Channel, channel_of
from pipeline.domain.errors import UnknownEvent
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.handler import Handler
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.outcome import Outcome, Status
from pipeline.ops.replay.existing import Existing, read_existing
from pipeline.ops.replay.messages import Marks, Replayed, read_messages
from pipeline.ops.replay.selection import Selection, select
from pipeline.ops.replay.selector import Selector
from pipeline.postgres.check import check_database
from pipeline.postgres.pool import close_pools
from pipeline.settings import DatabaseSettings
from pipeline.sinks.outcomes import STAGE
from pipeline.transforms.decide import decide_batch
from pipeline.transforms.decode import decode_or_bury

_PLANNED: Final = "plan"


@dataclass(slots=True)
class TypePlan:
    """What would become of the events of one type.

    Attributes:
        states: how many would end in each state, of those that are not complete.
        complete: how many are complete already; nothing would be written for them.
        create: rows that would be written, by channel; a count on an open row is one.
        present: rows that would be wanted but are there already, by channel.
    """

    states: Counter[Status] = field(default_factory=Counter)
    complete: int = 0
    create: Counter[Channel] = field(default_factory=Counter)
    present: Counter[Channel] = field(default_factory=Counter)


@dataclass(slots=True)
class Plan:
    """What a replay would lead to if it were applied now.

    What only Postgres would refuse is not foreseen; nor is the order of events whose outcomes
    depend on one another.

    Attributes:
        types: by event type.
        causes: why events would be dead again, and how many of them.
        nameless: dead letters that cannot be replayed since they name no event.
    """

    types: defaultdict[str, TypePlan] = field(default_factory=lambda: defaultdict(TypePlan))
    causes: Counter[str] = field(default_factory=Counter)
    nameless: int = 0

    @property
    def events(self) -> int:
        """How many messages would be published."""
        return sum(each.states.total() for each in self.types.values())

    def ending(self, status: Status) -> int:
        """How many events would end in a state."""
        return sum(each.states[status] for each in self.types.values())

    def add(self, outcomes: Iterable[Outcome], existing: Existing) -> None:
        """Count what these outcomes would write."""
        for outcome in outcomes:
            each = self.types[outcome.event_type]
            each.states[outcome.status] += 1
            for user_id, effect in outcome.effects:
                there = existing.has(outcome.event_id, user_id, effect)
                rows = each.present if there else each.create
                rows[channel_of(effect)] += 1

    def add_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Count events that would be dead letters again."""
        for letter in letters:
            self.types[letter.event_type or ""].states[Status.DEAD] += 1
            self.causes[f"{letter.error_class} in {letter.stage}: {letter.reason}"] += 1


def make_plan(
    database: DatabaseSettings,
    handlers: Mapping[EventType, Handler[Any]],
    policy: Policy,
    selector: Selector,
    *,
    ignore_age: bool,
) -> Plan:
    """Decode and decide what the selector means, as the stream would; changes nothing.

    Raises:
        ConfigurationError: the selector or the user is wrong.
        TransientError: Postgres could not be reached for long.
    """
    check_database(database)
    try:
        selection = select(database, selector)
        plan = _begin(selection)
        marks = Marks(_PLANNED, ignore_age)
        for page in read_messages(database, selection.to_publish, marks):
            _rehearse(database, handlers, policy, page, plan)
    finally:
        close_pools()
    return plan


def _begin(selection: Selection) -> Plan:
    plan = Plan(nameless=selection.nameless)
    for event_type, number in selection.complete.items():
        plan.types[event_type].complete = number
    return plan


def _rehearse(
    database: DatabaseSettings,
    handlers: Mapping[EventType, Handler[Any]],
    policy: Policy,
    page: Sequence[Replayed],
    plan: Plan,
) -> None:
    payloads = {name: handler.payload for name, handler in handlers.items()}
    rowless = {replayed.event_id for replayed in page if not replayed.has_row}
    existing = read_existing(database, [replayed.event_id for replayed in page])
    routed: defaultdict[EventType, list[Event[Any]]] = defaultdict(list)
    for replayed in page:
        decoded = decode_or_bury(replayed.message, payloads)
        match decoded:
            case DeadLetter():
                plan.add_dead([decoded])
            case Unrouted():
                _add(plan, [leave_unrouted(decoded)], rowless, existing)
            case Event():
                routed[decoded.type].append(decoded)
    for event_type, events in routed.items():
        outcomes, letters = decide_batch(database, handlers[event_type], events, policy)
        plan.add_dead(letters)
        _add(plan, outcomes, rowless, existing)


def _add(
    plan: Plan, outcomes: Iterable[Outcome], rowless: set[EventId], existing: Existing
) -> None:
    """Count outcomes; for an event without a row the write would refuse them."""
    for outcome in outcomes:
        if outcome.event_id in rowless:
            error = UnknownEvent("domain_events has no row with this id")
            plan.add_dead([DeadLetter.of(outcome.message, STAGE, error)])
        else:
            plan.add([outcome], existing)
