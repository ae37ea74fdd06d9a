"""A callback for streaming pull that records its messages."""

import threading
from collections.abc import Callable

from google.cloud.pubsub_v1.subscriber.message import Message

from tests.local.pubsub.project import SOON_SECONDS


class Inbox:
    """Collects texts and answers each message with ``answer``."""

    def __init__(self, answer: Callable[[Message], object]) -> None:
        self.texts: list[str] = []
        self._answer = answer
        self._arrived = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._arrived:
            self.texts.append(message.data.decode())
        self._answer(message)
        with self._arrived:
            self._arrived.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until ``count`` messages were answered, or fail."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.texts) >= count, SOON_SECONDS), (
                f"{len(self.texts)} of {count} messages came"
            )
