"""Pulls one subscription in one process. Every pulled message is acknowledged or given back."""

import logging
import threading
import time
from collections.abc import Collection, Sequence
from datetime import UTC
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
# How long an idle pull waits for a first message. A stop can take as long.
PULL_SECONDS: Final = 2.0
TIMEOUT_SECONDS: Final = 3.0
# How often we look for a stop: a signal handler requests it, and may not take a lock to notify us.
LOOK_SECONDS: Final = 0.1

_log: Final = logging.getLogger(__name__)


class Subscription:
    """Pulls messages and records which of them are not yet acknowledged or given back.

    A separate thread pulls, so that a postponed wake-up does not wait for the next pull.
    Thread-safe. Use ``open_subscription``: the process needs exactly one record, because the
    source, the acknowledgement after its bundle and the clean-up after a failure share it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.acknowledged = 0
        self._client = connect(SubscriberClient)
        self._changed = threading.Condition()
        self._held: set[str] = set()
        self._postponed: set[str] = set()
        self._last_taken: list[WakeUp] = []
        self._pulled: list[WakeUp] = []
        self._due: list[WakeUp] = []
        self._pull_requested = False
        self._failure: FanoutError | None = None
        self._reader: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether the source must end."""
        return self._stopping.is_set()

    @property
    def finished(self) -> bool:
        """Whether the source must end and has taken every pulled message."""
        with self._changed:
            reading = self._reader is not None and self._reader.is_alive()
            return self.stopping and not (reading or self._pulled)

    def stop(self) -> None:
        """Ask the source to end after the messages already pulled. Safe in a signal handler."""
        self._stopping.set()

    def wait_for_stop(self, seconds: float) -> None:
        """Wait for ``seconds``, or until the source must end."""
        self._stopping.wait(seconds)

    def take(self, seconds: float = PULL_SECONDS) -> list[WakeUp]:
        """Wait for wake-ups: pulled ones, and postponed ones whose retry is due.

        Args:
            seconds: how long to wait.

        Returns:
            The wake-ups: at most those of two pulls. None of them if nothing arrives within
            ``seconds``, or at a stop.

        Raises:
            TransientError: Pub/Sub cannot be reached.
            ConfigurationError: the subscription is missing, or we have no access to it.
        """
        with self._changed:
            self._read_on()
            self._await(seconds)
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            # A wake-up may be postponed again and again. At a stop it stays, to be given back.
            again = [] if self.stopping else self._due
            # Only now: until now, the bundle that postponed them may still be acknowledging.
            self._postponed.difference_update(_receipts(again))
            self._pull_requested = self._pull_requested and not self._pulled
            taken = again + self._pulled
            self._due, self._pulled = [], []
            self._last_taken = taken
            return taken

    def postpone(self, wake_ups: Sequence[WakeUp]) -> None:
        """Do not acknowledge these after their bundle. The caller must ``requeue`` them later."""
        with self._changed:
            self._postponed.update(_receipts(wake_ups))

    def postpone_events(self, event_ids: Collection[EventId]) -> list[WakeUp]:
        """Postpone those wake-ups of the last ``take`` that name these events, and return them."""
        wanted = set(event_ids)
        with self._changed:
            found = [each for each in self._last_taken if each.event_id in wanted]
            self._postponed.update(_receipts(found))
        return found

    @property
    def postponed(self) -> int:
        """How many wake-ups wait to be taken again. They are not acknowledged until then."""
        with self._changed:
            return len(self._postponed)

    def requeue(self, wake_ups: Sequence[WakeUp]) -> None:
        """Let the source take these again, unless they were given back in the meantime."""
        with self._changed:
            self._due += [each for each in wake_ups if each.receipt in self._postponed]
            self._changed.notify_all()

    def acknowledge(self, receipts: Collection[str]) -> None:
        """Acknowledge these messages. If that fails, Pub/Sub redelivers them."""
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
        """Ask Pub/Sub to redeliver every unacknowledged message at once; return their number.

        Otherwise, or if Pub/Sub cannot be reached, it redelivers them after their acknowledgement
        deadline.
        """
        with self._changed:
            receipts = sorted(self._held)
            self._held.clear()
            self._postponed.clear()
            self._last_taken, self._pulled, self._due = [], [], []
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
                _log.warning(
                    "%s; it redelivers the messages after their acknowledgement deadline",
                    classify(error, self.name),
                )
                return 0
        return len(receipts)

    def close(self) -> int:
        """Stop pulling and give back every unacknowledged message; return their number."""
        self.stop()
        if self._reader is not None:
            self._reader.join(PULL_SECONDS + LOOK_SECONDS)
        return self.give_back()

    def _await(self, seconds: float) -> None:
        """Wait until there is something to take."""
        deadline = time.monotonic() + seconds
        self._pull_requested = True
        self._changed.notify_all()
        while not (self._pulled or self._due or self._failure):
            if time.monotonic() > deadline or not self._is_reading():
                break
            self._changed.wait(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))

    def _is_reading(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    def _read_on(self) -> None:
        if not (self.stopping or self._is_reading()):
            if self._reader is None:
                _log.info("reading %s", self.name)
            self._reader = threading.Thread(target=self._read, name="pull", daemon=True)
            self._reader.start()

    def _read(self) -> None:
        """Pull on request. After a full pull, pull the next messages in advance.

        Always pulling in advance would bring one message per pull while a batch is processed.
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
                self._pull_requested = self._pull_requested or not pulled
                self._changed.notify_all()
            ahead = len(pulled) == MAX_MESSAGES

    def _waits_to_pull(self, *, ahead: bool) -> bool:
        """Wait until the next pull is due; return False at a stop."""
        with self._changed:
            while not self.stopping and (self._pulled or not (self._pull_requested or ahead)):
                self._changed.wait(LOOK_SECONDS)
            self._pull_requested = False
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
            WakeUp.of(
                Message(
                    item.message.data,
                    dict(item.message.attributes),
                    item.message.publish_time.ToDatetime(UTC),
                ),
                item.ack_id,
            )
            for item in PullResponse.pb(response).received_messages
        ]


def _receipts(wake_ups: Sequence[WakeUp]) -> list[str]:
    return [each.receipt for each in wake_ups if each.receipt is not None]


@cache
def open_subscription(name: str) -> Subscription:
    """Return the one object of the process for ``projects/P/subscriptions/S``."""
    return Subscription(name)
