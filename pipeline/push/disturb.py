"""Whether the phones of people may ring, for a batch of pushes. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from pipeline.domain.delivery import Priority
from pipeline.push.budget import PushBudget
from pipeline.push.hours import RingingHours
from pipeline.push.verdict import Disturb, OverBudget, QuietUntil, Unwanted, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonNow:
    """What decides whether a person's phone may ring.

    Attributes:
        zone: in which the person lives.
        hours: at which it may ring.
        budget: how often it may ring.
        is_active: the person used the application a moment ago, so nobody is asleep.
        last_hour: pushes in the last 60 minutes, critical ones apart.
        last_day: the same of the last 24 hours.
    """

    zone: ZoneInfo
    hours: RingingHours
    budget: PushBudget
    is_active: bool = False
    last_hour: int = 0
    last_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPush:
    """A push that is about to go to the phones of a person.

    Attributes:
        sequence: of its delivery.
        user_id: the person.
        priority: critical ones pass quiet hours and the budget.
        due_at: whose turn comes first among equals.
        unwanted: why the person does not get it at all: ``muted`` or ``no_access``.
        has_digest: whether a digest can tell it.
        is_counted: it is on its way to a phone already, so the budget counts it.
    """

    sequence: int
    user_id: UUID
    priority: Priority
    due_at: datetime
    unwanted: str | None = None
    has_digest: bool = False
    is_counted: bool = False


def decide_pushes(
    pushes: Iterable[WantedPush], people: Mapping[UUID, PersonNow], now: datetime
) -> dict[int, Verdict]:
    """Return for each push whether the phone may ring, by sequence.

    What is left of a budget goes to the most urgent, then to those that are due first.
    """
    verdicts: dict[int, Verdict] = {}
    spent: Counter[UUID] = Counter()
    for push in sorted(pushes, key=lambda each: (each.priority, each.due_at)):
        person = people[push.user_id]
        verdict = decide_push(push, person, now, spent=spent[push.user_id])
        if isinstance(verdict, Disturb) and not _passes(push) and not push.is_counted:
            spent[push.user_id] += 1
        verdicts[push.sequence] = verdict
    return verdicts


def decide_push(push: WantedPush, person: PersonNow, now: datetime, *, spent: int = 0) -> Verdict:
    """Return whether the phone may ring for one push.

    Args:
        push: what is to be told.
        person: to whom.
        now: the time.
        spent: pushes of this moment that are not in the figures of the person yet.
    """
    if push.unwanted is not None:
        return Unwanted(push.unwanted)
    if _passes(push):
        return Disturb()
    if not person.is_active:
        until = person.hours.quiet_until(now, person.zone)
        if until is not None:
            return QuietUntil(until)
    if not push.is_counted and person.budget.is_spent(
        person.last_hour + spent, person.last_day + spent
    ):
        return OverBudget(push.has_digest)
    return Disturb()


def _passes(push: WantedPush) -> bool:
    return push.priority is Priority.CRITICAL
