"""What a channel of push is: who is asked, with what, and what an answer means."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, TypeAlias

from psycopg import Connection

from pipeline.domain.backoff import PUSH_RETRIES
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, give_back
from pipeline.domain.provider_answer import ProviderReply
from pipeline.domain.tried import TriedRequest, settlements_of
from pipeline.push.fallback import Missed
from pipeline.push.verdict import UNWANTED
from pipeline.steps.push.sender import PushSender
from pipeline.steps.sending.doors import Doors
from pipeline.steps.sending.rates import UsualRate

# Why a delivery is not sent any more: the words of the statements, and what they mean.
REASONS: Final = {
    "expired": "it came too late to be of use",
    "superseded": "a later one to the same recipient replaces it",
    "gone": "the row that it was about was deleted",
    "read": "the person has read it in the app",
    "no_device": "the device was signed out or belongs to somebody else",
    **UNWANTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSend:
    """A delivery that may be sent.

    Attributes:
        provider: who is asked; also names the switch.
        message: what is sent, of the type that the channel's client takes.
    """

    provider: str
    message: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """A delivery that has to wait; it costs no attempt.

    Attributes:
        code: why, in a word.
        reason: the same for people.
        pause: for how many seconds.
    """

    code: str
    reason: str
    pause: float

    def settlement(self, lease: Lease) -> Settlement:
        """Return how the try ends."""
        return give_back(lease, Cause(code=self.code, reason=self.reason), pause=self.pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """A delivery that ends here.

    Attributes:
        code: why, in a word: one of ``REASONS``, or with a reason of its own.
        reason: the same for people. Empty: that of ``REASONS``.
        state: how it ends.
    """

    code: str
    reason: str = ""
    state: WorkState = WorkState.CANCELLED

    def settlement(self, lease: Lease) -> Settlement:
        """Return how the try ends."""
        cause = Cause(code=self.code, reason=self.reason or REASONS[self.code])
        state = WorkState.EXPIRED if self.code == "expired" else self.state
        return end(lease, state, cause)


# What a channel finds for a claimed delivery. ``Missed`` goes on to the phone.
Found: TypeAlias = ToSend | NotNow | NotSent | Missed
# What an answer means: how the try ends, or that the bus brought it to nobody.
Meaning: TypeAlias = Settlement | Missed


class PushChannel(ABC):
    """A way out. To add one, write its class and add it to ``CHANNELS``.

    Attributes:
        name: of its deliveries.
        concurrency: how many requests are made at a time in one process.
        patience: on one machine, how many seconds a batch waits for answers; slower ones are read
            with a later batch. Only the bus is waited for: the others must not hold it up.
        pauses: whether its deliveries are paused while none of its providers may be asked.
        takes: whether its requests count for a rate limit. What does not still waits as long as
            the provider says.
    """

    name: ClassVar[DeliveryChannel]
    concurrency: ClassVar[int] = 8
    patience: ClassVar[float] = 0.0
    pauses: ClassVar[bool] = True
    takes: ClassVar[bool] = True

    def is_on(self, sender: PushSender) -> bool:  # noqa: ARG002 - for those who need settings
        """Whether the settings allow it."""
        return True

    @abstractmethod
    def rates(self, sender: PushSender) -> Mapping[str, UsualRate]:
        """Return the usual rates of its providers that are known beforehand, in their order."""

    @abstractmethod
    def find(
        self,
        sender: PushSender,
        connection: Connection[Any],
        leases: Sequence[Lease],
        doors: Doors[str],
    ) -> Mapping[int, Found]:
        """Return what becomes of claimed deliveries, by sequence. Statements are set-based.

        Whatever the channel, ``check_pushes`` then leaves out what has expired or was superseded.
        """

    @abstractmethod
    def send(self, sender: PushSender, message: Any) -> ProviderReply:  # noqa: ANN401
        """Make a request. Never raises; thread-safe."""

    def meaning(self, tried: TriedRequest, now: datetime, *, free: bool) -> Meaning:
        """Return what an answer means.

        Args:
            tried: the request, of one delivery, and its reply.
            now: the time of the reply.
            free: whether trouble of the provider costs no attempt, because its breaker is open.
        """
        [settlement] = settlements_of(tried, PUSH_RETRIES, now, free=free)
        return settlement

    def close(self, sender: PushSender) -> None:  # noqa: B027 - not every channel has connections
        """Close the connections of the process."""
