"""Makes requests, several at a time, and returns their answers as they come."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from pipeline.clients.postgres.lease import extend_all
from pipeline.clients.postgres.lease_keeper import MOST_LEASES
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.lease import Lease
from pipeline.domain.provider_answer import ProviderReply
from pipeline.domain.tried import TriedRequest
from pipeline.settings import DatabaseSettings

LOOK_SECONDS: Final = 0.05


class NotedRequest(Protocol):
    """A request that is noted in the ledger, and may be made now."""

    @property
    def provider(self) -> str:
        """Who is asked."""

    @property
    def leases(self) -> tuple[Lease, ...]:
        """Of the deliveries in it, in order."""

    @property
    def trial(self) -> bool:
        """Whether it is the trial of an open breaker."""


RequestT = TypeVar("RequestT", bound=NotedRequest)


@dataclass(slots=True)
class _UnderWay(Generic[RequestT]):
    asked: RequestT
    since: float
    extended: float


class Outbox(Generic[RequestT]):
    """The requests of one process that are being made. Thread-safe.

    A slow answer holds up nobody: after its patience a batch goes on, and the answer is read with
    a later one. Until then its leases are extended, but not for longer than ``MOST_LEASES``: a
    request without an answer after that hangs.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        table: Callable[[], LeasedTable],
        send: Callable[[RequestT], ProviderReply],
        *,
        lease: timedelta,
        concurrency: int,
        name: str,
    ) -> None:
        """Make an outbox without requests.

        Args:
            settings: the database of the ledger.
            table: returns the ledger.
            send: makes a request. Never raises.
            lease: for how long leases are taken. Those of requests that take long are extended,
                again and again.
            concurrency: how many requests are made at a time.
            name: of its threads.
        """
        self._settings = settings
        self._table = table
        self._send = send
        self._lease = lease
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._under_way: dict[Future[ProviderReply], _UnderWay[RequestT]] = {}

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet, or one that nobody has read."""
        with self._lock:
            return len(self._under_way)

    def ages_of(self, provider: str) -> list[float]:
        """Return for how many seconds each request to a provider has been under way."""
        now = time.monotonic()
        with self._lock:
            return [
                now - each.since
                for each in self._under_way.values()
                if each.asked.provider == provider
            ]

    def make(
        self, requests: Sequence[RequestT], patience: float | None
    ) -> Iterator[list[TriedRequest]]:
        """Make requests; yield answers as they come, also those to earlier requests.

        Args:
            requests: may be none: then what has been answered meanwhile is read.
            patience: how many seconds these requests may take. None: until they are answered.
        """
        with self._lock:
            ours = {self._pool.submit(self._send, each): each for each in requests}
            now = time.monotonic()
            self._under_way |= {each: _UnderWay(asked, now, now) for each, asked in ours.items()}
        yield from self._read(set(ours), patience)

    def finish(self, patience: float) -> Iterator[list[TriedRequest]]:
        """Yield answers until all have come, or ``patience`` seconds have passed."""
        with self._lock:
            ours = set(self._under_way)
        yield from self._read(ours, patience)

    def _read(
        self, ours: set[Future[ProviderReply]], patience: float | None
    ) -> Iterator[list[TriedRequest]]:
        deadline = None if patience is None else time.monotonic() + patience
        while True:
            if tried := self._answered():
                yield tried
            self._extend()
            ours = {each for each in ours if self._is_under_way(each)}
            if not ours:
                return
            left = LOOK_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return
            wait(ours, timeout=min(left, LOOK_SECONDS), return_when=FIRST_COMPLETED)

    def _is_under_way(self, future: Future[ProviderReply]) -> bool:
        with self._lock:
            return future in self._under_way

    def _answered(self) -> list[TriedRequest]:
        with self._lock:
            done = [future for future in self._under_way if future.done()]
            found = [(future, self._under_way.pop(future).asked) for future in done]
        return [
            TriedRequest(
                provider=asked.provider,
                leases=asked.leases,
                reply=future.result(),
                trial=asked.trial,
            )
            for future, asked in found
        ]

    def _extend(self) -> None:
        """Extend the leases of requests that take long."""
        now, seconds = time.monotonic(), self._lease.total_seconds()
        with self._lock:
            late = [
                each
                for each in self._under_way.values()
                if now - each.extended >= seconds / 3 and now - each.since < seconds * MOST_LEASES
            ]
            for each in late:
                each.extended = now
        leases = [lease for each in late for lease in each.asked.leases]
        if leases:
            with_connection(
                self._settings,
                partial(extend_all, table=self._table(), held=leases, lease=self._lease),
            )
