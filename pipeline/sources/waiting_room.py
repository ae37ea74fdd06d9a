"""Where wake-ups of one machine wait, beside the stream instead of in its way.

Some wait for their row to be seen, others for a time: to be tried again once a lock may be gone.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from pipeline.clients.postgres.visible import BACKOFF as LOOKS
from pipeline.clients.postgres.visible import visible
from pipeline.clients.pubsub.subscription import open_subscription
from pipeline.domain.backoff import Backoff
from pipeline.domain.errors import FanoutError, LockTimeout
from pipeline.domain.identifiers import EventId
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import DatabaseSettings

# Until an event that could not be written is tried again.
BACKOFF: Final = Backoff(first=1.0, longest=15.0)
# A wake-up takes about a kilobyte.
MOST_POSTPONED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Postpone:
    """Let wake-ups come again once their rows can be seen, or have been waited for long enough.

    Until then they are not acknowledged, and nobody waits for them.
    """

    subscription: str

    def __call__(self, settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Take them all."""
        open_subscription(self.subscription).postpone(wake_ups)
        open_waiting_room(settings, self.subscription).admit(wake_ups)
        return ()


@dataclass(frozen=True, slots=True)
class PutOff:
    """Let events that need a locked row come again after a while, longer each time.

    Until then what woke them is not acknowledged, and nobody waits for them.
    """

    settings: DatabaseSettings
    subscription: str

    def __call__(self, event_ids: Sequence[EventId]) -> None:
        """Take them all.

        Raises:
            LockTimeout: too many wait already: this is not about some rows any more.
        """
        subscription = open_subscription(self.subscription)
        if subscription.postponed > MOST_POSTPONED:
            raise LockTimeout(f"more than {MOST_POSTPONED:,} events need a row that is locked")
        wake_ups = subscription.postpone_events(event_ids)
        open_waiting_room(self.settings, self.subscription).put_off(wake_ups)


@dataclass(frozen=True, slots=True)
class GoOn:
    """Let events come again at once, with whatever else has come by then."""

    subscription: str

    def __call__(self, event_ids: Sequence[EventId]) -> None:
        """Take them all."""
        if event_ids:
            subscription = open_subscription(self.subscription)
            subscription.come_again(subscription.postpone_events(event_ids))


@dataclass(slots=True)
class _Wait:
    """Those whom one event has woken; they leave together, at a time at the latest."""

    until: float
    for_row: bool
    wake_ups: list[WakeUp] = field(default_factory=list)


class WaitingRoom:
    """Looks for the rows of those who wait, all in one statement, and lets them go.

    A thread does so as long as anybody waits. Thread-safe.

    Args:
        settings: where to look, and for how long: ``visible_within``.
        leave: takes those whose waiting is over.
    """

    def __init__(
        self, settings: DatabaseSettings, leave: Callable[[Sequence[WakeUp]], None]
    ) -> None:
        self._settings = settings
        self._leave = leave
        self._changed = threading.Condition()
        self._waiting: dict[EventId, _Wait] = {}
        self._busy = False

    def admit(self, wake_ups: Sequence[WakeUp]) -> None:
        """Let these wait for their rows; a second of an event waits no longer than the first."""
        until = time.monotonic() + self._settings.visible_within.total_seconds()
        self._let_wait((each, _Wait(until, for_row=True)) for each in wake_ups)

    def put_off(self, wake_ups: Sequence[WakeUp]) -> None:
        """Let these wait for a while; a second of an event waits no longer than the first."""
        now = time.monotonic()
        self._let_wait(
            (
                replace(each, tries=each.tries + 1),
                _Wait(now + BACKOFF.pause(each.tries), for_row=False),
            )
            for each in wake_ups
        )

    def _let_wait(self, arriving: Iterable[tuple[WakeUp, _Wait]]) -> None:
        with self._changed:
            for wake_up, wait in arriving:
                if wake_up.event_id is not None:
                    self._waiting.setdefault(wake_up.event_id, wait).wake_ups.append(wake_up)
            self._changed.notify()
            if self._waiting and not self._busy:
                self._busy = True
                threading.Thread(target=self._look, name="waiting room", daemon=True).start()

    def _look(self) -> None:
        pause = LOOKS.pauses()
        while True:
            with self._changed:
                if not self._waiting:
                    self._busy = False
                    return
                if self._changed.wait(self._nap(pause)):
                    # A newcomer's row is likely to be seen soon.
                    pause = LOOKS.pauses()
                unseen = {event_id for event_id, wait in self._waiting.items() if wait.for_row}
            seen = self._seen(unseen)
            now = time.monotonic()
            with self._changed:
                over = {
                    event_id
                    for event_id, wait in self._waiting.items()
                    if event_id in seen or wait.until <= now
                }
                leaving = [
                    each for event_id in over for each in self._waiting.pop(event_id).wake_ups
                ]
            if leaving:
                self._leave([replace(each, waited=True) for each in leaving])

    def _nap(self, pause: Iterator[float]) -> float:
        """For how long nothing is to be done, unless somebody comes."""
        nearest = min(wait.until for wait in self._waiting.values()) - time.monotonic()
        looking = any(wait.for_row for wait in self._waiting.values())
        return max(0.0, min(nearest, next(pause)) if looking else nearest)

    def _seen(self, ids: set[EventId]) -> set[EventId]:
        try:
            return visible(self._settings, ids)
        except FanoutError:
            # Whoever fetches the rows will say so.
            return set()


@cache
def open_waiting_room(settings: DatabaseSettings, subscription: str) -> WaitingRoom:
    """The process's waiting room of a subscription."""
    return WaitingRoom(settings, open_subscription(subscription).come_again)
