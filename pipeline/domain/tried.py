"""What a provider answered to a try, and how the try ends because of it. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final, assert_never

from pipeline.domain.backoff import Retrying
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, fail, give_back
from pipeline.domain.provider_answer import (
    Absent,
    Accepted,
    AuthFailed,
    Busy,
    KeyConflict,
    ProviderReply,
    QuotaExceeded,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)

# What a claim finds as the error of a record whose batch was refused: it must be sent alone.
ALONE: Final = "BatchRefused"
# How long to wait if the provider did not say.
BUSY_SECONDS: Final = 2.0
LIMITED_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedRequest:
    """One request that was made.

    Attributes:
        provider: who was asked.
        leases: of the records in the request, in order.
        reply: what was answered.
        trial: whether it was the trial of an open breaker.
    """

    provider: str
    leases: tuple[Lease, ...]
    reply: ProviderReply
    trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedMails:
    """What came of a batch of mails.

    Attributes:
        tried: the requests that were made.
        settlements: how the mails end that were in none of them.
    """

    tried: Sequence[TriedRequest] = ()
    settlements: Sequence[Settlement] = ()


class Health(Enum):
    """What a request tells of its provider."""

    WORKS = auto()
    SAYS_NOTHING = auto()
    IN_TROUBLE = auto()
    REFUSES_US = auto()


def health_of(reply: ProviderReply) -> Health:
    """Return what a reply tells of the provider."""
    results = reply.results
    if any(isinstance(each, AuthFailed | QuotaExceeded) for each in results):
        return Health.REFUSES_US
    if any(isinstance(each, Unavailable) and each.of_request for each in results):
        return Health.IN_TROUBLE
    if any(isinstance(each, Accepted | Absent | Refused | KeyConflict) for each in results):
        return Health.WORKS
    return Health.SAYS_NOTHING


def settlements_of(
    tried: TriedRequest, delays: Retrying, now: datetime, *, free: bool
) -> list[Settlement]:
    """Return how the try of each record ends.

    Args:
        tried: the request and its reply.
        delays: how often a record is tried, and when.
        now: the time of the reply.
        free: whether trouble of the provider costs no attempt, because its breaker is open.
    """
    return [
        _settlement(lease, result, tried, delays, now, free=free)
        for lease, result in zip(tried.leases, tried.reply.results, strict=True)
    ]


def wait_until(tried: TriedRequest, now: datetime) -> datetime | None:
    """Return before which time the provider wants no request; None: at once is fine.

    Args:
        tried: the request and its reply.
        now: the time of the reply.
    """
    until = tried.reply.rate.wait_until
    if any(isinstance(each, RateLimited) for each in tried.reply.results):
        until = max(until or now, now + timedelta(seconds=LIMITED_SECONDS))
    return until


def _settlement(
    lease: Lease,
    result: Result,
    tried: TriedRequest,
    delays: Retrying,
    now: datetime,
    *,
    free: bool,
) -> Settlement:
    provider = tried.provider
    answered = True
    match result:
        case Accepted():
            ended = end(lease, WorkState.DONE)
        case Absent():
            cause = _cause(result, f"{provider} found nobody to take it: {result.code}")
            ended = end(lease, WorkState.CANCELLED, cause)
        case Refused() if result.of_request and len(tried.leases) > 1:
            reason = f"{provider} refused a batch with it: it is sent alone"
            cause = Cause(error_class=ALONE, code=result.code, reason=reason)
            ended = give_back(lease, cause, pause=0)
        case Refused():
            cause = _cause(result, f"{provider} refused its {result.blame}: {result.code}")
            ended = end(lease, WorkState.DEAD, cause)
        case KeyConflict():
            cause = _cause(result, f"{provider} has another request with its key")
            ended = end(lease, WorkState.DEAD, cause)
        case RateLimited():
            cause = _cause(result, f"{provider} limits the rate: {result.code}")
            pause = _until(result.retry_at, now, LIMITED_SECONDS)
            ended = give_back(lease, cause, pause=pause)
        case Busy():
            cause = _cause(result, f"{provider} works on it: {result.code}")
            ended, answered = give_back(lease, cause, pause=BUSY_SECONDS), False
        case AuthFailed() | QuotaExceeded():
            cause = _cause(result, f"{provider} does not serve us: {result.code}")
            ended = give_back(lease, cause, pause=0)
        case Unavailable():
            ended = _unavailable(lease, result, tried, delays, now, free=free)
            answered = not result.may_be_accepted
        case _:
            assert_never(result)
    values = {
        "provider": provider,
        "answered": answered,
        "provider_id": result.provider_id if isinstance(result, Accepted) else None,
    }
    return replace(ended, values=values)


def _unavailable(
    lease: Lease,
    result: Unavailable,
    tried: TriedRequest,
    delays: Retrying,
    now: datetime,
    *,
    free: bool,
) -> Settlement:
    about = "could not take it now" if not result.of_request else "gave no usable answer"
    cause = _cause(result, f"{tried.provider} {about}: {result.code}")
    asked_for = None if result.retry_at is None else _until(result.retry_at, now, 0)
    if free and result.of_request:
        return give_back(lease, cause, pause=asked_for or 0)
    pause = delays.pause(lease.failures, retry_after=asked_for)
    if pause is None:
        return end(lease, WorkState.DEAD, cause)
    return fail(lease, cause, pause=pause)


def _cause(result: Result, reason: str) -> Cause:
    return Cause(
        error_class=type(result).__name__, code=getattr(result, "code", None), reason=reason
    )


def _until(at: datetime | None, now: datetime, otherwise: float) -> float:
    return otherwise if at is None else max(0.0, (at - now).total_seconds())
