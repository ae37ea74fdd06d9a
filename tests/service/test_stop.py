"""A stop under load: every request that had begun is answered, and the process ends in time."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.deadline import wait_until
from tests.service.serving import Served, serving

CLIENTS: Final = 6
# Requests of each client before the stop.
EACH: Final = 5
STOP_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: when it began, and the status of its answer; None if it was cut."""

    began: float
    status: int | None


@contextmanager
def silent_server() -> Iterator[str]:
    """A database that accepts connections and never says a word: its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        port = server.getsockname()[1]
        yield f"postgresql://nobody@127.0.0.1:{port}/none?sslmode=disable"


class Client(threading.Thread):
    """Asks one request after the other, over one connection or over a new one each time."""

    def __init__(self, url: str, path: str, *, keeps: bool, most: int = sys.maxsize) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(url).netloc
        self._path = path
        self._keeps = keeps
        self._most = most
        self.over = threading.Event()
        self.asked: list[Asked] = []

    def run(self) -> None:
        connection = HTTPConnection(self._address, timeout=30)
        while not self.over.is_set() and len(self.asked) < self._most:
            began = time.monotonic()
            status = None
            with suppress(OSError, HTTPException):
                connection.request("GET", self._path)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            self.asked.append(Asked(began, status))
            if not self._keeps or status is None:
                connection.close()
            if status is None:
                # The listener is closed: there is nothing to hurry for.
                self.over.wait(0.01)
        connection.close()


def stopped(served: Served, number: signal.Signals) -> tuple[float, list[Asked], float]:
    """Stop a service under load. Return when, the requests, and how long the stop took."""
    url = str(served.client.base_url)
    load = [Client(url, "/health", keeps=place % 2 == 0) for place in range(CLIENTS)]
    # These have begun by then: the look that all of them wait for takes two seconds.
    slow = [Client(url, "/ready", keeps=False, most=1) for _ in range(CLIENTS)]
    for client in [*slow, *load]:
        client.start()
    wait_until(
        lambda: all(len(client.asked) >= EACH for client in load), seconds=30, what="the load"
    )
    at = time.monotonic()
    served.process.send_signal(number)
    wait_until(lambda: served.process.poll() is not None, seconds=30, what="the end")
    took = time.monotonic() - at
    for client in [*slow, *load]:
        client.over.set()
        client.join(30)
    return at, [each for client in [*slow, *load] for each in client.asked], took


def test_no_request_that_had_begun_is_cut_and_the_stop_takes_less_than_ten_seconds(
    tmp_path: Path,
) -> None:
    with silent_server() as dsn, serving(dsn, tmp_path / "log") as served:
        at, asked, took = stopped(served, signal.SIGTERM)
    assert took < STOP_SECONDS
    assert served.process.returncode == 0
    begun = [each for each in asked if each.began < at]
    assert {each.status for each in begun} == {200, 503}
    # The slow ones were answered after the stop.
    assert sum(each.status == 503 for each in begun) == CLIENTS


def test_control_requests_that_are_cut_are_found(tmp_path: Path) -> None:
    with silent_server() as dsn, serving(dsn, tmp_path / "log") as served:
        at, asked, _ = stopped(served, signal.SIGKILL)
    assert sum(each.status is None for each in asked if each.began < at) >= CLIENTS
