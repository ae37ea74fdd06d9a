"""One subscription: a queue of messages that pulls lease."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from local.pubsub.errors import InvalidArgument, NotFound
from local.pubsub.filters import parse_filter
from local.pubsub.leases import Leases
from local.pubsub.messages import Delivery, Message
from local.pubsub.names import check_subscription

MIN_ACK_DEADLINE_SECONDS = 10
MAX_ACK_DEADLINE_SECONDS = 600
# Against an emulator, the Google clients keep gRPC's receive limit of 4 MiB. This leaves a
# quarter of it for ids and framing.
MAX_PULL_BYTES = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """The settings of a subscription at its creation.

    Raises:
        InvalidArgument: if the name, the deadline or the filter is invalid.
    """

    name: str
    topic: str
    ack_deadline_seconds: int = MIN_ACK_DEADLINE_SECONDS
    filter_text: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_subscription(self.name)
        check_ack_deadline(self.ack_deadline_seconds)
        parse_filter(self.filter_text)


def check_ack_deadline(seconds: int) -> None:
    """Check the acknowledgement deadline of a subscription or of a stream.

    Raises:
        InvalidArgument: if it is not between 10 and 600 seconds.
    """
    if not MIN_ACK_DEADLINE_SECONDS <= seconds <= MAX_ACK_DEADLINE_SECONDS:
        raise InvalidArgument(
            f"Invalid acknowledgement deadline of {seconds} s: expected {MIN_ACK_DEADLINE_SECONDS} "
            f"to {MAX_ACK_DEADLINE_SECONDS} s"
        )


def _never() -> bool:
    return False


class Subscription:
    """Delivers every offered message at least once, until it is acknowledged.

    Each message is either waiting or leased. A lease that is neither acknowledged nor extended in
    time ends. The message then waits again, behind the others. Thread-safe.

    Args:
        settings: name, deadline and filter.
        clock: monotonic seconds, for the leases.
        new_ack_id: returns a new id on each call.
    """

    def __init__(
        self,
        settings: SubscriptionSettings,
        *,
        clock: Callable[[], float],
        new_ack_id: Callable[[], str],
    ) -> None:
        self.settings = settings
        self._filter = parse_filter(settings.filter_text)
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._leases = Leases(new_ack_id)
        self._deleted = False

    def offer(self, messages: Iterable[Message]) -> None:
        """Queue the messages that pass the filter."""
        passed = [m for m in messages if self._filter.passes(m.content.attributes)]
        if passed:
            with self._changed:
                self._waiting.extend(passed)
                self._changed.notify_all()

    def pull(
        self,
        max_messages: int,
        *,
        wait_seconds: float = 0.0,
        ack_deadline_seconds: int | None = None,
        abandoned: Callable[[], bool] = _never,
    ) -> list[Delivery]:
        """Lease up to ``max_messages``; if none waits, wait for the first.

        The result stays below ``MAX_PULL_BYTES``. A larger message is still delivered, alone.

        Args:
            max_messages: at least 1.
            wait_seconds: how long to wait for the first message.
            ack_deadline_seconds: length of the leases; None means the subscription's setting.
            abandoned: returns whether the caller has disconnected; checked after every ``wake``.

        Returns:
            An empty list if no message arrived in time or the caller has disconnected.

        Raises:
            InvalidArgument: if ``max_messages`` is not positive.
            NotFound: if the subscription is deleted in the meantime.
        """
        if max_messages < 1:
            raise InvalidArgument("max_messages must be positive")
        lease_seconds = ack_deadline_seconds or self.settings.ack_deadline_seconds
        give_up = self._clock() + wait_seconds
        with self._changed:
            while True:
                if self._deleted:
                    raise NotFound(f"Subscription does not exist: {self.settings.name}")
                if abandoned():
                    return []
                now = self._expire()
                if self._waiting:
                    return self._lease(max_messages, now + lease_seconds)
                if now >= give_up:
                    return []
                expiry = self._leases.next_deadline()
                self._changed.wait((give_up if expiry is None else min(give_up, expiry)) - now)

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Delete the messages of these leases; if a lease has ended, its message stays queued.

        Raises:
            InvalidArgument: if ``ack_ids`` is empty or an id is invalid; then nothing changes.
        """
        self._check_ack_ids(ack_ids)
        with self._changed:
            self._expire()
            for ack_id in ack_ids:
                self._leases.release(ack_id)

    def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        """Set the end of these leases to ``seconds`` from now; 0 ends them and redelivers at once.

        Raises:
            InvalidArgument: if ``ack_ids`` is empty, an id is invalid, or the deadline is not
            between 0 and 600 seconds; then nothing changes.
        """
        self._check_ack_ids(ack_ids)
        if not 0 <= seconds <= MAX_ACK_DEADLINE_SECONDS:
            raise InvalidArgument(
                f"Invalid acknowledgement deadline of {seconds} s: expected "
                f"0 to {MAX_ACK_DEADLINE_SECONDS} s"
            )
        with self._changed:
            now = self._expire()
            for ack_id in ack_ids:
                self._leases.extend(ack_id, now + seconds)
            self._expire()
            # Wake also the pulls that sleep until a deadline that has just become earlier.
            self._changed.notify_all()

    def wake(self) -> None:
        """Let every waiting ``pull`` check the queue again."""
        with self._changed:
            self._changed.notify_all()

    def delete(self) -> None:
        """End every running ``pull``."""
        with self._changed:
            self._deleted = True
            self._changed.notify_all()

    def _expire(self) -> float:
        now = self._clock()
        self._waiting.extend(self._leases.expire(now))
        return now

    def _lease(self, max_messages: int, deadline: float) -> list[Delivery]:
        deliveries: list[Delivery] = []
        room = MAX_PULL_BYTES
        while self._waiting and len(deliveries) < max_messages:
            room -= self._waiting[0].content.size_bytes()
            if room < 0 and deliveries:
                break
            message = self._waiting.popleft()
            deliveries.append(Delivery(self._leases.grant(message, deadline), message))
        return deliveries

    @staticmethod
    def _check_ack_ids(ack_ids: Sequence[str]) -> None:
        if not ack_ids:
            raise InvalidArgument("No ack ids specified")
        for ack_id in ack_ids:
            if not ack_id.isdecimal():
                raise InvalidArgument(f"Invalid ack id (ack_id={ack_id})")
