"""Decide the outcome of an event from the facts: what each person gets, or why they are skipped."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.domain.defaults import MAX_EVENT_AGE
from pipeline.domain.errors import HandlerFailed
from pipeline.domain.handler_failure import failed
from pipeline.domain.identifiers import AI_USER, UserId
from pipeline.domain.payload import PayloadT
from pipeline.fanout.ask import Asked
from pipeline.fanout.audience import Nobody
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification, channel_of
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.facts import Candidate, Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.outcome import Outcome, Skip, Status
from pipeline.fanout.preferences import Verdict, resolve
from pipeline.fanout.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules for all event types.

    Attributes:
        system_users: profiles of programs. They never receive anything.
        max_event_age: an event of this age or older is recorded as expired. None: no limit.
    """

    system_users: frozenset[UserId] = frozenset({AI_USER})
    max_event_age: timedelta | None = MAX_EVENT_AGE

    def expired_before(self, now: datetime) -> datetime | None:
        """Return the latest time of an event that is expired now; None if there is no limit."""
        try:
            return None if self.max_event_age is None else now - self.max_event_age
        except OverflowError:
            return None

    def expiry(self, event: Event[Any], now: datetime) -> str | None:
        """Return why the event is expired; None if it is not, or a replay ignores its age."""
        limit = self.max_event_age
        until = now if event.paused_at is None else min(now, event.paused_at)
        if limit is None or event.ignore_age or until - event.created_at < limit:
            return None
        hours = limit / timedelta(hours=1)
        return f"older than {hours:g} {'hour' if hours == 1 else 'hours'}"


def expire(event: Event[Any], policy: Policy, now: datetime) -> Outcome | None:
    """Return the outcome of an expired event; None if the event is not expired."""
    expiry = policy.expiry(event, now)
    return _outcome(event, Status.EXPIRED, expiry) if expiry else None


def decide(
    handler: Handler[PayloadT], asked: Asked[PayloadT], facts: Facts, policy: Policy
) -> Outcome:
    """Decide one event that is not expired.

    Args:
        handler: the handler of the event's type.
        asked: the event, and the answers of its handler.
        facts: the facts of the batch with the event.
        policy: the rules for all event types.

    Raises:
        HandlerFailed: the handler raised, or broke its contract. No effect of the event is kept.
    """
    event = asked.event
    if isinstance(asked.audience, Nobody):
        return _outcome(event, Status.COMPLETED, asked.audience.reason)
    try:
        results = list(_results(handler, asked, facts, policy))
    except HandlerFailed:
        raise
    except (Exception, SystemExit) as error:
        raise failed(handler, error) from error
    return replace(
        _outcome(event, Status.COMPLETED, None if results else "nobody in the audience"),
        effects=tuple(item for item in results if not isinstance(item, Skip)),
        skips=tuple(item for item in results if isinstance(item, Skip)),
    )


def leave_unrouted(event: Unrouted) -> Outcome:
    """Return the outcome of an event whose type has no handler. A later replay can complete it."""
    return Outcome(
        event_id=event.id,
        event_type=event.type,
        status=Status.UNROUTED,
        reason="no handler for this event type",
    )


def hold_back(event: Event[Any]) -> Outcome:
    """Return the outcome of an event of a paused type. It waits until the type is resumed."""
    return _outcome(event, Status.PAUSED, "its event type is paused")


def _outcome(event: Event[Any], status: Status, reason: str | None) -> Outcome:
    return Outcome(
        event_id=event.id,
        event_type=event.type,
        status=status,
        reason=reason,
    )


def _results(
    handler: Handler[PayloadT], asked: Asked[PayloadT], facts: Facts, policy: Policy
) -> Iterator[Skip | tuple[UserId, Effect]]:
    event = asked.event
    project_id = handler.preference_project_id(event, facts, asked.project_id)
    unset = dict.fromkeys(handler.channels, Verdict(None))
    for candidate in facts.candidates.get(event.id, ()):
        person = facts.people.get(candidate.user_id)
        reason = _exclusion(asked, candidate, policy)
        if person is None or reason is not None:
            why = reason or Reason.NO_PROFILE
            yield from (Skip(candidate.user_id, channel, why) for channel in handler.channels)
            continue
        rows = facts.preferences.get(person.id)
        verdicts = (
            unset
            if rows is None
            else {
                channel: resolve(
                    rows,
                    handler.preference,
                    channel,
                    thread_id=event.thread_id,
                    project_id=project_id,
                )
                for channel in handler.channels
            }
        )
        yield from _for_person(handler, event, person, facts, verdicts)


def _exclusion(asked: Asked[Any], candidate: Candidate, policy: Policy) -> Reason | None:
    if candidate.user_id == asked.excluded_user:
        return Reason.ACTOR
    if candidate.user_id in policy.system_users:
        return Reason.SYSTEM_USER
    return candidate.exclusion


def _for_person(
    handler: Handler[PayloadT],
    event: Event[PayloadT],
    person: Person,
    facts: Facts,
    verdicts: dict[Channel, Verdict],
) -> Iterator[Skip | tuple[UserId, Effect]]:
    wanted = tuple(_storable(effect, facts) for effect in handler.decide(event, person, facts))
    used = {channel_of(effect) for effect in wanted}
    _check_contract(handler, wanted, used)
    for effect in wanted:
        verdict = verdicts[channel_of(effect)]
        if verdict.muted:
            continue
        if isinstance(effect, Email) and verdict.digest:
            yield person.id, replace(effect, delivery=Delivery.AGGREGATED)
        else:
            yield person.id, effect
    for channel, verdict in verdicts.items():
        if verdict.row is not None and verdict.muted:
            yield Skip(person.id, channel, Reason.muted(verdict.row.scope), verdict.row.id)
        elif channel not in used:
            yield Skip(person.id, channel, Reason.NOT_ELIGIBLE)


def _storable(effect: Effect, facts: Facts) -> Effect:
    """Remove a deleted project from an effect: Postgres would reject the whole batch for it."""
    if isinstance(effect, Email) and effect.project_id not in facts.projects:
        return replace(effect, project_id=None)
    return effect


def _check_contract(handler: Handler[Any], effects: tuple[Effect, ...], used: set[Channel]) -> None:
    keys = {
        effect.kind if isinstance(effect, Notification) else type(effect).__name__
        for effect in effects
    }
    if len(keys) < len(effects):
        raise HandlerFailed(
            f"{type(handler).__name__} returned two effects of one kind for one person"
        )
    if not used.issubset(handler.channels):
        raise HandlerFailed(
            f"{type(handler).__name__} used a channel that it does not declare: add it to channels"
        )
