"""Who is connected to the bus: a signal in, the number of connections that have it out."""

import threading
import time
from collections import defaultdict
from uuid import UUID

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection


class Connections:
    """The open connections, by what they listen to. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: defaultdict[UUID | str, set[ServerConnection]] = defaultdict(set)

    def add(self, connection: ServerConnection, user_id: UUID, topics: frozenset[str]) -> None:
        """Let a connection hear what goes to its user and its topics."""
        with self._lock:
            keys: list[UUID | str] = [user_id, *topics]
            for each in keys:
                self._open[each].add(connection)

    def remove(self, connection: ServerConnection) -> None:
        """Forget a connection."""
        with self._lock:
            for key in list(self._open):
                self._open[key].discard(connection)
                if not self._open[key]:
                    del self._open[key]

    def count(self, key: UUID | str) -> int:
        """How many connections listen to a user or a topic."""
        with self._lock:
            return len(self._open.get(key, ()))

    def deliver(self, key: UUID | str, text: str, seconds: float) -> int:
        """Send a text to all who listen; return how many have it.

        A ping follows the text. Every client answers it by itself, after it has received what came
        before. Who does not answer in time, such as a phone that has lost its network, does not
        count.

        Args:
            key: a user or a topic.
            text: what is sent.
            seconds: how long to wait for the answers of all.
        """
        with self._lock:
            listeners = list(self._open.get(key, ()))
        answers = [answer for each in listeners if (answer := _send(each, text)) is not None]
        deadline = time.monotonic() + seconds
        return sum(answer.wait(max(0.0, deadline - time.monotonic())) for answer in answers)


def _send(connection: ServerConnection, text: str) -> threading.Event | None:
    try:
        connection.send(text)
        return connection.ping()
    except (ConnectionClosed, OSError):
        return None
