"""One subscription, pulled from one process: what is pulled is acknowledged, or given back."""

import logging
import threading
from collections.abc import Sequence
from functools import cache
from typing import Final

from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import PullResponse

from pipeline.domain.message import Message
from pipeline.pubsub.errors import classify, connect

# How long an idle pull waits for a first message, and so how long a stop may take.
PULL_SECONDS: Final = 2.0
TIMEOUT_SECONDS: Final = 3.0

_log: Final = logging.getLogger(__name__)


class Subscription:
    """Pulls messages and keeps account of those that are neither acknowledged nor given back.

    Thread-safe. Use ``open_subscription``: the account must be one per process, because a source,
    the acknowledgement after its bundle and the clean-up after a failure all share it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = connect(SubscriberClient)
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._stopping = threading.Event()
        self._reading = False
        self.acknowledged = 0

    @property
    def stopping(self) -> bool:
        """Whether the source shall end itself."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask the source to end after what it has pulled. Safe in a signal handler."""
        self._stopping.set()

    def wait_for_stop(self, seconds: float) -> None:
        """Wait, but no longer than until the source shall end."""
        self._stopping.wait(seconds)

    def pull(self, most: int) -> tuple[list[str], list[Message]]:
        """Wait for messages and hold them.

        Returns:
            The acknowledgement ids and the messages, both empty after ``PULL_SECONDS`` of silence.

        Raises:
            TransientError: Pub/Sub cannot be reached.
            ConfigurationError: the subscription is missing, or closed to us.
        """
        if not self._reading:
            self._reading = True
            _log.info("reading %s", self.name)
        try:
            response = self._client.pull(
                subscription=self.name, max_messages=most, timeout=PULL_SECONDS, retry=None
            )
        except DeadlineExceeded:
            return [], []
        except (GoogleAPICallError, RetryError) as error:
            raise classify(error, self.name) from None
        received = PullResponse.pb(response).received_messages
        ids = [item.ack_id for item in received]
        with self._lock:
            self._held.update(ids)
        return ids, [Message(item.message.data, dict(item.message.attributes)) for item in received]

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Tell Pub/Sub that these messages are done with; if it fails, they come again."""
        self._client.acknowledge(
            subscription=self.name, ack_ids=list(ids), timeout=TIMEOUT_SECONDS, retry=None
        )
        with self._lock:
            self._held.difference_update(ids)
            self.acknowledged += len(ids)

    def give_back(self) -> int:
        """Return every message held, for immediate redelivery; gives their number.

        Without this, or where Pub/Sub cannot be reached, they come back when their
        acknowledgement deadline has passed.
        """
        with self._lock:
            ids = sorted(self._held)
            self._held.clear()
        if ids:
            try:
                self._client.modify_ack_deadline(
                    subscription=self.name,
                    ack_ids=ids,
                    ack_deadline_seconds=0,
                    timeout=TIMEOUT_SECONDS,
                    retry=None,
                )
            except (GoogleAPICallError, RetryError) as error:
                _log.warning("%s; its messages come back by themselves", classify(error, self.name))
                return 0
        return len(ids)


@cache
def open_subscription(name: str) -> Subscription:
    """The process's account of ``projects/P/subscriptions/S``."""
    return Subscription(name)
