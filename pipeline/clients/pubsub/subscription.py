"""One subscription, pulled from one process: what is pulled is acknowledged, or given back."""

import logging
import threading
import time
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final

from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import PullResponse

from pipeline.clients.pubsub.errors import classify, connect
from pipeline.domain.errors import FanoutError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp

MAX_MESSAGES: Final = 1_000
# How long an idle pull waits for a first message, and so how long a stop may take.
PULL_SECONDS: Final = 2.0
TIMEOUT_SECONDS: Final = 3.0
# How soon a stop is noticed: whoever asks for it, a signal handler, may take no lock.
LOOK_SECONDS: Final = 0.1

_log: Final = logging.getLogger(__name__)


class Subscription:
    """Pulls messages and keeps account of those that are neither acknowledged nor given back.

    A thread pulls, so that what was postponed need not wait for what is pulled next. Thread-safe.
    Use ``open_subscription``: the account must be one per process, because a source, the
    acknowledgement after its bundle and the clean-up after a failure all share it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.acknowledged = 0
        self._client = connect(SubscriberClient)
        self._changed = threading.Condition()
        self._held: set[str] = set()
        self._postponed: set[str] = set()
        self._taken: list[WakeUp] = []
        self._pulled: list[WakeUp] = []
        self._ripe: list[WakeUp] = []
        self._wanted = False
        self._failure: FanoutError | None = None
        self._reader: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether the source shall end itself."""
        return self._stopping.is_set()

    @property
    def finished(self) -> bool:
        """Whether it shall end and nothing that was pulled is left to be taken."""
        with self._changed:
            reading = self._reader is not None and self._reader.is_alive()
            return self.stopping and not (reading or self._pulled)

    def stop(self) -> None:
        """Ask the source to end after what has been pulled. Safe in a signal handler."""
        self._stopping.set()

    def wait_for_stop(self, seconds: float) -> None:
        """Wait, but no longer than until the source shall end."""
        self._stopping.wait(seconds)

    def take(self) -> list[WakeUp]:
        """Wait for wake-ups: what was pulled, and what was postponed and shall come again.

        Returns:
            At most what two pulls give; nothing after ``PULL_SECONDS`` of silence, or at a stop.

        Raises:
            TransientError: Pub/Sub cannot be reached.
            ConfigurationError: the subscription is missing, or closed to us.
        """
        with self._changed:
            self._read_on()
            self._await()
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            # What is to come again may do so without an end: at a stop it is left to be given back.
            again = [] if self.stopping else self._ripe
            # Not before: the bundle in which they came too early may end at any time until now.
            self._postponed.difference_update(_receipts(again))
            self._wanted = self._wanted and not self._pulled
            taken = again + self._pulled
            self._ripe, self._pulled = [], []
            self._taken = taken
            return taken

    def postpone(self, wake_ups: Sequence[WakeUp]) -> None:
        """Do not acknowledge these after their bundle: ``come_again`` is called for them."""
        with self._changed:
            self._postponed.update(_receipts(wake_ups))

    def postpone_events(self, event_ids: Collection[EventId]) -> list[WakeUp]:
        """Postpone what woke these events, of what was taken last; gives the wake-ups."""
        wanted = set(event_ids)
        with self._changed:
            found = [each for each in self._taken if each.event_id in wanted]
            self._postponed.update(_receipts(found))
        return found

    @property
    def postponed(self) -> int:
        """How many wake-ups are to come again, and are not acknowledged until then."""
        with self._changed:
            return len(self._postponed)

    def come_again(self, wake_ups: Sequence[WakeUp]) -> None:
        """Give these to the source once more, unless they were given back in the meantime."""
        with self._changed:
            self._ripe += [each for each in wake_ups if each.receipt in self._postponed]
            self._changed.notify_all()

    def acknowledge(self, receipts: Collection[str]) -> None:
        """Tell Pub/Sub that these messages are done with; if it fails, they come again."""
        with self._changed:
            done = [receipt for receipt in receipts if receipt not in self._postponed]
        if not done:
            return
        self._client.acknowledge(
            subscription=self.name, ack_ids=done, timeout=TIMEOUT_SECONDS, retry=None
        )
        with self._changed:
            self._held.difference_update(done)
            self.acknowledged += len(done)

    def give_back(self) -> int:
        """Return every message held, for immediate redelivery; gives their number.

        Without this, or where Pub/Sub cannot be reached, they come back when their
        acknowledgement deadline has passed.
        """
        with self._changed:
            receipts = sorted(self._held)
            self._held.clear()
            self._postponed.clear()
            self._taken, self._pulled, self._ripe = [], [], []
            self._changed.notify_all()
        if receipts:
            try:
                self._client.modify_ack_deadline(
                    subscription=self.name,
                    ack_ids=receipts,
                    ack_deadline_seconds=0,
                    timeout=TIMEOUT_SECONDS,
                    retry=None,
                )
            except (GoogleAPICallError, RetryError) as error:
                _log.warning("%s; its messages come back by themselves", classify(error, self.name))
                return 0
        return len(receipts)

    def close(self) -> int:
        """Pull no more and give back what is held; gives its number."""
        self.stop()
        if self._reader is not None:
            self._reader.join(PULL_SECONDS + LOOK_SECONDS)
        return self.give_back()

    def _await(self) -> None:
        """Wait until there is something to take, or it has been waited for long enough."""
        deadline = time.monotonic() + PULL_SECONDS
        self._wanted = True
        self._changed.notify_all()
        while not (self._pulled or self._ripe or self._failure):
            if time.monotonic() > deadline or not self._is_reading():
                break
            self._changed.wait(LOOK_SECONDS)

    def _is_reading(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    def _read_on(self) -> None:
        if not (self.stopping or self._is_reading()):
            if self._reader is None:
                _log.info("reading %s", self.name)
            self._reader = threading.Thread(target=self._read, name="pull", daemon=True)
            self._reader.start()

    def _read(self) -> None:
        """Pull when it is asked for, and ahead of that where there was more than one pull gives.

        Always ahead, it would bring one message at a time while others are worked on.
        """
        ahead = False
        while self._waits_to_pull(ahead=ahead):
            try:
                pulled = self._pull()
            except FanoutError as failure:
                with self._changed:
                    self._failure = failure
                    self._changed.notify_all()
                return
            with self._changed:
                self._held.update(_receipts(pulled))
                self._pulled += pulled
                self._wanted = self._wanted or not pulled
                self._changed.notify_all()
            ahead = len(pulled) == MAX_MESSAGES

    def _waits_to_pull(self, *, ahead: bool) -> bool:
        """Return once there is something to pull for; False at a stop."""
        with self._changed:
            while not self.stopping and (self._pulled or not (self._wanted or ahead)):
                self._changed.wait(LOOK_SECONDS)
            self._wanted = False
            return not self.stopping

    def _pull(self) -> list[WakeUp]:
        try:
            response = self._client.pull(
                subscription=self.name,
                max_messages=MAX_MESSAGES,
                timeout=PULL_SECONDS,
                retry=None,
            )
        except DeadlineExceeded:
            return []
        except (GoogleAPICallError, RetryError) as error:
            raise classify(error, self.name) from None
        return [
            WakeUp.of(Message(item.message.data, dict(item.message.attributes)), item.ack_id)
            for item in PullResponse.pb(response).received_messages
        ]


def _receipts(wake_ups: Sequence[WakeUp]) -> list[str]:
    return [each.receipt for each in wake_ups if each.receipt is not None]


@cache
def open_subscription(name: str) -> Subscription:
    """The process's account of ``projects/P/subscriptions/S``."""
    return Subscription(name)
