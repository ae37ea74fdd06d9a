"""Starts a part of the stack again whenever it ends, as a supervisor does."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from local.errors import PartStopped, StackError, StartFailed

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
# After a run of at least this length, the pauses between restarts are short again.
_SETTLED_SECONDS: Final = 60.0


class Part(Protocol):
    """A part that can be started again."""

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""

    @property
    def last_words(self) -> str:
        """Why it ended by itself; empty if nobody knows."""

    @property
    def log_path(self) -> Path:
        """Its log."""

    def start(self) -> None:
        """Start it.

        Raises:
            StartFailed: it did not start.
        """


class Revival:
    """Starts one part again, with pauses that grow.

    Args:
        name: The part, for a person.
        part: It was started before.
        report: Receives one line for each end.
        reported: Makes the block in which it is started again.
    """

    def __init__(
        self,
        name: str,
        part: Part,
        report: Callable[[str], None],
        reported: Callable[[str, str], AbstractContextManager[None]],
    ) -> None:
        self._name = name
        self._part = part
        self._report = report
        self._reported = reported
        self._pauses = _pauses()
        self._settled_at = time.monotonic() + _SETTLED_SECONDS
        self._start_at: float | None = None

    def look(self) -> None:
        """Start the part if it has ended and its pause is over. To be called again and again."""
        now = time.monotonic()
        if self._start_at is None:
            if self._part.is_running:
                return
            if now > self._settled_at:
                self._pauses = _pauses()
            self._wait_after(
                PartStopped(self._name, self._part.log_path, self._part.last_words), now
            )
        elif now >= self._start_at:
            try:
                with self._reported(self._name, "back"):
                    self._part.start()
            except StartFailed as error:
                self._wait_after(error, time.monotonic())
            else:
                self._start_at = None
                self._settled_at = time.monotonic() + _SETTLED_SECONDS

    def _wait_after(self, trouble: StackError, now: float) -> None:
        pause = next(self._pauses)
        self._report(f"{trouble}; starting it again in {pause:g} s")
        self._start_at = now + pause


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
