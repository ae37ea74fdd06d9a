"""What other settings would have done to pushes of the past. No I/O."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from pipeline.domain.delivery import Priority
from pipeline.push.budget import DAY, PushBudget
from pipeline.push.hours import RingingHours


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPush:
    """A push that was about to go to the phones of a person.

    Attributes:
        user_id: the person.
        at: when.
        priority: critical ones pass quiet hours and the budget.
        expires_at: from then on it is of no use; None: never.
    """

    user_id: UUID
    at: datetime
    priority: Priority
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRules:
    """What holds for a person.

    Attributes:
        zone: in which the person lives.
        hours: at which the phone may ring.
        budget: how often it may ring.
    """

    zone: ZoneInfo
    hours: RingingHours
    budget: PushBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFigures:
    """What became of pushes.

    Attributes:
        sent: to phones, sooner or later.
        held: that had to wait for the end of quiet hours, whatever became of them then.
        over_budget: that were too much for a person.
        expired: that came to nothing while they were held; in hours that allow nothing all do.
        people: of whom at least one push was held, or was too much.
    """

    sent: int
    held: int
    over_budget: int
    expired: int
    people: int


def simulate_pushes(pushes: Iterable[PastPush], rules: Mapping[UUID, PushRules]) -> PushFigures:
    """Return what would have become of pushes under these rules.

    Nobody counts as active in quiet hours, and the bus brings nothing when they end.
    """
    of_person: defaultdict[UUID, list[PastPush]] = defaultdict(list)
    for push in pushes:
        of_person[push.user_id].append(push)
    each = [_simulate_person(theirs, rules[user]) for user, theirs in of_person.items()]
    return PushFigures(
        sent=sum(found.sent for found in each),
        held=sum(found.held for found in each),
        over_budget=sum(found.over_budget for found in each),
        expired=sum(found.expired for found in each),
        people=sum(found.people for found in each),
    )


def _simulate_person(pushes: Iterable[PastPush], rules: PushRules) -> PushFigures:
    waiting = [(push.at, number, push) for number, push in enumerate(pushes)]
    heapq.heapify(waiting)
    rang: list[datetime] = []
    sent = held = over_budget = expired = 0
    while waiting:
        at, number, push = heapq.heappop(waiting)
        if push.priority is Priority.CRITICAL:
            sent += 1
            continue
        until = rules.hours.quiet_until(at, rules.zone)
        if until is not None:
            is_held_again = at > push.at
            held += not is_held_again
            # Held beyond the horizon: these hours allow nothing, and it would never ring.
            if is_held_again or (push.expires_at is not None and push.expires_at <= until):
                expired += 1
            else:
                heapq.heappush(waiting, (until, number, push))
        elif rules.budget.is_spent_by(rang, at):
            over_budget += 1
        else:
            sent += 1
            rang = [*(each for each in rang if each > at - DAY), at]
    return PushFigures(
        sent=sent,
        held=held,
        over_budget=over_budget,
        expired=expired,
        people=int(held + over_budget > 0),
    )
