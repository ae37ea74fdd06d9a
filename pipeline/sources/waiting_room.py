"""Holds wake-ups of the local runner that must wait, so that the stream does not wait for them.

Some wait until their row is visible. Others wait for a time, to be retried once a lock may be gone.
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

# The pauses before an event that needs a locked row is retried.
BACKOFF: Final = Backoff(first=1.0, longest=15.0)
# A wake-up needs about a kilobyte of memory.
MOST_POSTPONED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Postpone:
    """Postpone wake-ups until their rows are visible, or until ``visible_within`` has passed.

    Until then they are not acknowledged. The stream does not wait for them.
    """

    subscription: str

    def __call__(self, settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Postpone all of them; none is left to wait for."""
        open_subscription(self.subscription).postpone(wake_ups)
        open_waiting_room(settings, self.subscription).admit(wake_ups)
        return ()


@dataclass(frozen=True, slots=True)
class PutOff:
    """Postpone events that need a locked row. The pause grows with each try.

    Until then their wake-ups are not acknowledged. The stream does not wait for them.
    """

    settings: DatabaseSettings
    subscription: str

    def __call__(self, event_ids: Sequence[EventId]) -> None:
        """Postpone all of them.

        Raises:
            LockTimeout: too many wake-ups wait already, so more than a few rows are locked.
        """
        subscription = open_subscription(self.subscription)
        if subscription.postponed > MOST_POSTPONED:
            raise LockTimeout(f"more than {MOST_POSTPONED:,} events need a row that is locked")
        wake_ups = subscription.postpone_events(event_ids)
        open_waiting_room(self.settings, self.subscription).put_off(wake_ups)


@dataclass(frozen=True, slots=True)
class GoOn:
    """Put events back into the queue at once, together with newly pulled wake-ups."""

    subscription: str

    def __call__(self, event_ids: Sequence[EventId]) -> None:
        """Put all of them back."""
        if event_ids:
            subscription = open_subscription(self.subscription)
            again = subscription.postpone_events(event_ids)
            subscription.requeue([replace(each, waited=True) for each in again])


@dataclass(slots=True)
class _Wait:
    """The wake-ups of one event. They leave together, at the time ``until`` at the latest."""

    until: float
    for_row: bool
    wake_ups: list[WakeUp] = field(default_factory=list)


class WaitingRoom:
    """Holds wake-ups. Looks for all their rows in one statement, and releases those it finds.

    A thread does so while any wake-up waits. Thread-safe.

    Args:
        settings: the database; ``visible_within`` limits how long a wake-up waits for its row.
        leave: receives the wake-ups that need not wait any more.
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
        """Let these wait for their rows. A second wake-up of an event leaves with the first."""
        until = time.monotonic() + self._settings.visible_within.total_seconds()
        self._let_wait((each, _Wait(until, for_row=True)) for each in wake_ups)

    def put_off(self, wake_ups: Sequence[WakeUp]) -> None:
        """Let these wait for a while. A second wake-up of an event leaves with the first."""
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
                if self._changed.wait(self._next_look(pause)):
                    # The row of a new wake-up is likely to be visible soon.
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

    def _next_look(self, pause: Iterator[float]) -> float:
        """Return the seconds until the next look, if no wake-up arrives."""
        nearest = min(wait.until for wait in self._waiting.values()) - time.monotonic()
        looking = any(wait.for_row for wait in self._waiting.values())
        return max(0.0, min(nearest, next(pause)) if looking else nearest)

    def _seen(self, ids: set[EventId]) -> set[EventId]:
        try:
            return visible(self._settings, ids)
        except FanoutError:
            # The step that fetches the rows reports the error.
            return set()


@cache
def open_waiting_room(settings: DatabaseSettings, subscription: str) -> WaitingRoom:
    """Return the waiting room of the process for a subscription."""
    return WaitingRoom(settings, open_subscription(subscription).requeue)
