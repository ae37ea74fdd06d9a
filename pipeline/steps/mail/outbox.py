"""Makes requests, several at a time, and returns their answers as they come."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache, partial
from typing import Final

from pipeline.clients.postgres.lease import extend
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.provider_answer import ProviderReply
from pipeline.domain.tried import TriedRequest
from pipeline.steps.mail.freeze import AskedRequest
from pipeline.steps.mail.sender import LEASE, Sender, providers_of, table_of

# The lease of a request that takes longer is extended, again and again.
EXTEND_SECONDS: Final = LEASE.total_seconds() / 3
LOOK_SECONDS: Final = 0.05


class Outbox:
    """The requests of one process that are being made. Thread-safe.

    A slow answer holds up nobody: after its patience a batch goes on, and the answer is read with
    a later one. Until then its leases are extended.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._pool = ThreadPoolExecutor(sender.concurrency, thread_name_prefix="send-mail")
        self._lock = threading.Lock()
        self._under_way: dict[Future[ProviderReply], tuple[AskedRequest, float]] = {}

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet, or one that nobody has read."""
        with self._lock:
            return len(self._under_way)

    def make(
        self, requests: Sequence[AskedRequest], patience: float | None
    ) -> Iterator[list[TriedRequest]]:
        """Make requests; yield answers as they come, also those to earlier requests.

        Args:
            requests: may be none: then what has been answered meanwhile is read.
            patience: how many seconds these requests may take. None: until they are answered.
        """
        providers = providers_of(self._sender.mail)
        with self._lock:
            ours = {
                self._pool.submit(providers[each.request.provider].send, each.request): each
                for each in requests
            }
            now = time.monotonic()
            self._under_way.update({future: (each, now) for future, each in ours.items()})
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
            if not ours or (deadline is not None and time.monotonic() >= deadline):
                return
            wait(ours, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)

    def _is_under_way(self, future: Future[ProviderReply]) -> bool:
        with self._lock:
            return future in self._under_way

    def _answered(self) -> list[TriedRequest]:
        with self._lock:
            done = [future for future in self._under_way if future.done()]
            found = [(future, *self._under_way.pop(future)) for future in done]
        return [
            TriedRequest(
                provider=asked.request.provider,
                leases=asked.leases,
                reply=future.result(),
                trial=asked.trial,
            )
            for future, asked, _ in found
        ]

    def _extend(self) -> None:
        """Extend the leases of requests that take long."""
        now = time.monotonic()
        with self._lock:
            late = [
                (future, asked)
                for future, (asked, since) in self._under_way.items()
                if now - since >= EXTEND_SECONDS
            ]
            for future, asked in late:
                self._under_way[future] = (asked, now)
        settings = self._sender.database
        for _, asked in late:
            for lease in asked.leases:
                with_connection(
                    settings, partial(extend, table=table_of(settings), held=lease, lease=LEASE)
                )


@cache
def outbox_of(sender: Sender) -> Outbox:
    """Return the one outbox of the process for this sender."""
    return Outbox(sender)
