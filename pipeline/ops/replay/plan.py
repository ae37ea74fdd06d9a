"""The plan of a replay: runs the pipeline's own steps, but does not write."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pipeline.clients.postgres.check import check_first
from pipeline.domain.dead_letter import DeadLetter, without_numbers
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import message_for
from pipeline.domain.wake_up import WakeUp
from pipeline.facts.rows import used_keys
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy
from pipeline.fanout.effects import Channel, channel_of
from pipeline.fanout.handler import Handler
from pipeline.fanout.outcome import Status
from pipeline.ops.replay.existing import Existing, read_existing
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.selection import SelectedEvents, select
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings
from pipeline.steps.decide import decide_batch, leave_batch_unrouted
from pipeline.steps.decode import decode_batch
from pipeline.steps.fetch import fetch_batch, fetch_large
from pipeline.steps.route import by_type

PAGE_SIZE: Final = BATCH_SIZE


@dataclass(slots=True)
class TypePlan:
    """How the events of one type would end.

    Attributes:
        states: how many of the events that are not complete would end in each state.
        complete: how many events are already complete. A replay writes nothing for them.
        create: how many rows a replay would write, by channel. A count on an open row is one.
        present: how many wanted rows already exist, by channel.
    """

    states: Counter[Status] = field(default_factory=Counter)
    complete: int = 0
    create: Counter[Channel] = field(default_factory=Counter)
    present: Counter[Channel] = field(default_factory=Counter)


@dataclass(slots=True)
class Plan:
    """The result of a replay if it were applied now.

    The plan does not foresee rows that only Postgres would reject. It does not know the order of
    events whose outcomes depend on each other.

    Attributes:
        types: the plan of each event type.
        causes: why events would be dead again, with their counts.
        nameless: dead letters that cannot be replayed because they name no event.
        ids: the events that a replay would publish, in this order.
    """

    types: defaultdict[str, TypePlan] = field(default_factory=lambda: defaultdict(TypePlan))
    causes: Counter[str] = field(default_factory=Counter)
    nameless: int = 0
    ids: Sequence[EventId] = field(default=(), repr=False)

    @property
    def events(self) -> int:
        """How many messages a replay would publish."""
        return sum(each.states.total() for each in self.types.values())

    def ending(self, status: Status) -> int:
        """How many events would end in a state."""
        return sum(each.states[status] for each in self.types.values())

    def add(self, decided: Decided, existing: Existing) -> None:
        """Count what these outcomes would write, and what could not be decided."""
        self.add_dead(decided.letters)
        for outcome in decided.outcomes:
            each = self.types[outcome.event_type]
            # The last page of an event ends it.
            if outcome.page is None or outcome.page.last:
                each.states[outcome.status] += 1
            for user_id, effect in outcome.effects:
                there = existing.has(outcome.event_id, user_id, effect)
                rows = each.present if there else each.create
                rows[channel_of(effect)] += 1

    def add_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Count events that would be dead letters again."""
        for letter in letters:
            self.types[letter.event_type or ""].states[Status.DEAD] += 1
            reason = without_numbers(letter.reason)
            self.causes[f"{letter.error_class} in {letter.stage}: {reason}"] += 1


def make_plan(
    database: DatabaseSettings,
    handlers: Mapping[EventType, Handler[Any]],
    policy: Policy,
    selector: Selector,
    *,
    ignore_age: bool,
    limits: PlanLimits | None = None,
) -> Plan:
    """Fetch, decode and decide the selected events as the stream would. Changes nothing.

    Raises:
        NotFound: a named event or fingerprint does not exist.
        UsageError: the plan exceeds a limit.
        ConfigurationError: this user may not read the needed tables.
        TransientError: Postgres could not be reached for too long.
    """
    check_first(database)
    selection = select(database, selector, limits)
    plan = _begin(selection)
    if ignore_age:
        policy = replace(policy, max_event_age=None)
    for start in range(0, len(selection.to_publish), PAGE_SIZE):
        if limits is not None:
            limits.check(start)
        page = selection.to_publish[start : start + PAGE_SIZE]
        _rehearse(database, handlers, policy, page, plan)
    return plan


def _begin(selection: SelectedEvents) -> Plan:
    plan = Plan(nameless=selection.nameless, ids=selection.to_publish)
    for event_type, number in selection.complete.items():
        plan.types[event_type].complete = number
    return plan


def _rehearse(
    database: DatabaseSettings,
    handlers: Mapping[EventType, Handler[Any]],
    policy: Policy,
    page: Sequence[EventId],
    plan: Plan,
) -> None:
    payloads = {name: handler.payload for name, handler in handlers.items()}
    used = used_keys(payloads)
    # A missing row makes the event a dead letter again. Nothing waits for it.
    wake_ups = [WakeUp(each, message_for(each), waited=True) for each in page]
    batch = fetch_batch(database, wake_ups, used)
    existing = read_existing(database, page)
    for fetched in (batch.fetched, *fetch_large(database, batch.large, used)):
        decoded = decode_batch(fetched.rows, payloads)
        plan.add_dead([*fetched.letters, *decoded.letters])
        plan.add(leave_batch_unrouted(decoded.unrouted), existing)
        for event_type, events in by_type(decoded.events).items():
            plan.add(decide_batch(database, handlers[event_type], events, policy), existing)
