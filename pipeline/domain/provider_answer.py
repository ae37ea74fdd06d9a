"""What a provider can answer to a message, by what is to be done. Shared by all channels.

The set is closed: a ``match`` over ``Result`` is complete, and mypy says so. No text in it is a
person's: codes are words of the provider's documents, or ours.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias


class Blame(StrEnum):
    """What a provider refuses: the address, what is sent to it, or that we are who sends it."""

    ADDRESS = "address"
    CONTENT = "content"
    SENDER = "sender"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has it and answers for it from now on.

    Attributes:
        provider_id: by which the provider speaks of it later.
    """

    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The provider works, and nobody is there to take it now: another channel is next.

    Attributes:
        code: why, in a word.
    """

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It can never be sent as it is. Terminal after this one try.

    Attributes:
        code: why, in a word.
        blame: what is refused.
        of_request: a request with several messages was refused, and nothing of it was accepted.
            Most of them may be good: send each in a request of its own. Not terminal then.
    """

    code: str
    blame: Blame
    of_request: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """Too many requests. Not accepted. Wait; it costs no attempt.

    Attributes:
        code: why, in a word.
        retry_at: from when on it may be tried again; None: the provider did not say.
    """

    code: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """The same request is being worked on. Send it again soon, with the same key."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConflict:
    """The key was used for other bytes. Terminal. A new key could send a message twice."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthFailed:
    """Nothing can be sent until a person changes a setting. Opens the breaker; costs no attempt."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaExceeded:
    """The quota of the account is used up. Opens the breaker; costs no attempt.

    Attributes:
        code: which quota.
        retry_at: from when on there is one again; None: the provider did not say.
    """

    code: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """No answer, or none that can be read. A later try may succeed.

    Attributes:
        code: what happened, in a word.
        may_be_accepted: True: it may have been accepted, so only the same request with the same
            key may follow. False: it was surely not accepted.
        of_request: the provider is in trouble, which counts for its breaker. False: only this
            message has to wait, as with a full mailbox.
        retry_at: from when on it may be tried again; None: the provider did not say.
    """

    code: str
    may_be_accepted: bool
    of_request: bool = True
    retry_at: datetime | None = None


Result: TypeAlias = (
    Accepted
    | Absent
    | Refused
    | RateLimited
    | Busy
    | KeyConflict
    | AuthFailed
    | QuotaExceeded
    | Unavailable
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInfo:
    """What a provider says of its limits. Every figure is None unless it said it.

    Attributes:
        limit: the most requests in a window.
        remaining: requests that are left in this window.
        reset_at: when the next window begins.
        retry_at: before this time no request is welcome.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    retry_at: datetime | None = None

    @property
    def wait_until(self) -> datetime | None:
        """The time before which no further request should be made; None: at once is fine."""
        if self.retry_at is not None:
            return self.retry_at
        return self.reset_at if self.remaining == 0 else None


NO_RATE: Final = RateInfo()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReply:
    """The answer to one request.

    Attributes:
        results: one for each message, in the order of the request. What concerns the whole request
            is said of every message.
        rate: what the provider said of its limits.
    """

    results: tuple[Result, ...]
    rate: RateInfo = NO_RATE

    @classmethod
    def to_all(cls, result: Result, count: int, rate: RateInfo = NO_RATE) -> "ProviderReply":
        """The same result for every message of a request."""
        return cls(results=(result,) * count, rate=rate)
