"""What becomes of a delivery that the bus did not bring to anybody. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from pipeline.domain.backoff import PUSH_RETRIES
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, fail, give_back
from pipeline.push.verdict import UNWANTED, Disturb, OverBudget, QuietUntil, Unwanted, Verdict

# How the reason of a delivery ends that went on.
TO_PHONE: Final = "sent to the phone"
# How long a delivery waits that only the bus can bring, while the bus may not be asked.
CLOSED_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Why the bus brought it to nobody.

    Attributes:
        code: in a word.
        words: for people, before "sent to the phone".
        is_away: the bus did not answer, so the person may be connected all the same.
        costs: whether it counts as a failure if it has to wait for the bus.
    """

    code: str
    words: str
    is_away: bool = False
    costs: bool = False


NOT_CONNECTED: Final = Missed(code="not_connected", words="nobody was connected")
NO_BUS: Final = Missed(code="no_bus", words="no bus is configured")
BUS_CLOSED: Final = Missed(
    code="bus_unreachable", words="the bus may not be asked now", is_away=True
)
IN_DOUBT: Final = Missed(
    code="in_doubt", words="the bus may have it and gave no answer", is_away=True, costs=True
)


def unreachable(code: str, *, costs: bool) -> Missed:
    """Return why the bus brought it to nobody, after an answer that is no use.

    Args:
        code: what happened, in a word.
        costs: whether it counts as a failure if it has to wait for the bus.
    """
    words = f"the bus gave no usable answer ({code})"
    return Missed(code="bus_unreachable", words=words, is_away=True, costs=costs)


def after_the_bus(
    lease: Lease, missed: Missed, now: datetime, *, phones: int, verdict: Verdict
) -> Settlement:
    """Return how a delivery to a person goes on.

    Args:
        lease: on the delivery of the bus.
        missed: why the bus brought it to nobody.
        now: the time.
        phones: how many devices of the person can be reached.
        verdict: whether they may ring.
    """
    if phones == 0:
        return _without_phone(lease, missed)
    match verdict:
        case QuietUntil(at):
            cause = Cause(code="quiet_hours", reason=f"{missed.words}; the person has quiet hours")
            # By then somebody may be connected: the bus is asked again first.
            return give_back(lease, cause, pause=max(0.0, (at - now).total_seconds()))
        case OverBudget(has_digest):
            return _over_budget(lease, missed, has_digest=has_digest)
        case Unwanted(code):
            reason = f"{missed.words}; on the phone it is not wanted: {UNWANTED[code]}"
            return end(lease, WorkState.CANCELLED, Cause(code=code, reason=reason))
        case Disturb():
            cause = Cause(code=missed.code, reason=f"{missed.words}: {TO_PHONE}")
            ended = end(lease, WorkState.CANCELLED, cause)
            return replace(ended, values={"to_phones": True})
        case _:
            assert_never(verdict)


def wait_for_the_bus(lease: Lease, missed: Missed) -> Settlement:
    """Return how a delivery goes on that only the bus can bring, and did not."""
    cause = Cause(code=missed.code, reason=missed.words)
    if not missed.costs:
        return give_back(lease, cause, pause=CLOSED_SECONDS)
    pause = PUSH_RETRIES.pause(lease.failures)
    return end(lease, WorkState.DEAD, cause) if pause is None else fail(lease, cause, pause=pause)


def _without_phone(lease: Lease, missed: Missed) -> Settlement:
    if missed.is_away:
        return wait_for_the_bus(lease, missed)
    cause = Cause(code="no_device", reason=f"{missed.words}, and no phone can be reached")
    return end(lease, WorkState.CANCELLED, cause)


def _over_budget(lease: Lease, missed: Missed, *, has_digest: bool) -> Settlement:
    reason = f"{missed.words}; the person has got enough pushes for now"
    if has_digest:
        cause = Cause(code="over_budget", reason=f"{reason}: it is in the next digest")
        return Settlement(lease=lease, state=WorkState.DIGEST, cause=cause)
    return end(lease, WorkState.CANCELLED, Cause(code="over_budget", reason=reason))
