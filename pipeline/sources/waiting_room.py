"""Where wake-ups of one machine wait for their rows, beside the stream instead of in its way."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pipeline.domain.errors import FanoutError
from pipeline.domain.identifiers import EventId
from pipeline.domain.wake_up import WakeUp
from pipeline.postgres.visible import pauses, visible
from pipeline.pubsub.subscription import open_subscription
from pipeline.settings import DatabaseSettings


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
        self._waiting: dict[EventId, tuple[float, list[WakeUp]]] = {}
        self._busy = False

    def admit(self, wake_ups: Sequence[WakeUp]) -> None:
        """Let these wait; a second wake-up of an event waits no longer than the first."""
        deadline = time.monotonic() + self._settings.visible_within.total_seconds()
        with self._changed:
            for each in wake_ups:
                if each.event_id is not None:
                    self._waiting.setdefault(each.event_id, (deadline, []))[1].append(each)
            self._changed.notify()
            if self._waiting and not self._busy:
                self._busy = True
                threading.Thread(target=self._look, name="waiting room", daemon=True).start()

    def _look(self) -> None:
        pause = pauses()
        while True:
            with self._changed:
                if not self._waiting:
                    self._busy = False
                    return
                if self._changed.wait(next(pause)):
                    # A newcomer's row is likely to be seen soon.
                    pause = pauses()
                waiting = set(self._waiting)
            seen = self._seen(waiting)
            now = time.monotonic()
            with self._changed:
                over = {
                    event_id
                    for event_id, (deadline, _) in self._waiting.items()
                    if event_id in seen or deadline <= now
                }
                leaving = [each for event_id in over for each in self._waiting.pop(event_id)[1]]
            if leaving:
                self._leave([replace(each, waited=True) for each in leaving])

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
