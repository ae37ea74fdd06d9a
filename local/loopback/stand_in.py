"""A server that stands in for a provider: it keeps what it is asked, and fails when told to."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from local.loopback.faults import Drop, Fault
from local.loopback.listener import Listener, LoopbackReply, LoopbackRequest


class StandIn:
    """What all stand-ins share. A subclass has ``usual``, which answers a request.

    Attributes:
        asked: every request, in order.
        waiting: how many requests are held.
    """

    def __init__(self) -> None:
        self.asked: list[LoopbackRequest] = []
        self.waiting = 0
        self._faults = threading.Lock()
        self._next: deque[Fault] = deque()
        self._always: Fault | None = None
        self._released = threading.Condition()
        self._held = False
        self._listener: Listener | None = None

    @property
    def base_url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self._listener.port if self._listener else 0}"

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return self._listener.connections if self._listener else 0

    def fail_next(self, *faults: Fault) -> None:
        """Let this go wrong with the next requests, one each."""
        with self._faults:
            self._next.extend(faults)

    def fail_always(self, fault: Fault | None) -> None:
        """Let this go wrong with every request from now on; None: nothing any more."""
        with self._faults:
            self._always = fault

    def hold(self) -> None:
        """From now on nobody gets an answer, until they are released."""
        with self._released:
            self._held = True

    def release(self) -> None:
        """Answer what was held."""
        with self._released:
            self._held = False
            self.waiting = 0
            self._released.notify_all()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Self]:
        """Answer on a port until the block ends; 0: on a free one."""
        with Listener(self.answer, port) as self._listener:
            try:
                yield self
            finally:
                self.release()

    def answer(self, request: LoopbackRequest) -> LoopbackReply | None:
        """What is answered; None: the connection is cut."""
        return self.failing(self.note(request), lambda: self.usual(request))

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Accept what is sent, and return what is answered if nothing goes wrong."""
        raise NotImplementedError

    def note(self, request: LoopbackRequest) -> Fault | None:
        """Keep a request; return what goes wrong with it."""
        with self._faults:
            self.asked.append(request)
            return self._next.popleft() if self._next else self._always

    def failing(
        self, fault: Fault | None, usual: Callable[[], LoopbackReply]
    ) -> LoopbackReply | None:
        """Answer with a fault, or as usual; None: the connection is cut."""
        if fault is None:
            return usual()
        if fault.drop is Drop.BEFORE:
            return None
        if fault.reply is not None and not fault.accepts:
            self.wait()
            return fault.reply
        reply = usual()
        if fault.drop is Drop.AFTER:
            return None
        return fault.reply or reply

    def wait(self) -> None:
        """Return once requests are not held."""
        with self._released:
            self.waiting += self._held
            self._released.wait_for(lambda: not self._held)
