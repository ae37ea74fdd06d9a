"""Starts a part of the stack again whenever it ends, as a supervisor does."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from local.errors import PartStopped, StackError, StartFailed
from pipeline.domain.backoff import Backoff, Restarts

_BACKOFF: Final = Backoff(first=1.0, longest=30.0)


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
        self._restarts = Restarts(_BACKOFF)
        self._started = time.monotonic()
        self._start_at: float | None = None

    def look(self) -> None:
        """Start the part if it has ended and its pause is over. To be called again and again."""
        now = time.monotonic()
        if self._start_at is None:
            if self._part.is_running:
                return
            stopped = PartStopped(self._name, self._part.log_path, self._part.last_words)
            self._wait_after(stopped, now - self._started)
        elif now >= self._start_at:
            try:
                with self._reported(self._name, "back"):
                    self._part.start()
            except StartFailed as error:
                self._wait_after(error, 0.0)
            else:
                self._start_at = None
                self._started = time.monotonic()

    def _wait_after(self, trouble: StackError, ran_seconds: float) -> None:
        pause = self._restarts.pause_after(ran_seconds)
        self._report(f"{trouble}; starting it again in {pause:g} s")
        self._start_at = time.monotonic() + pause
