"""Whether Google may be asked now: shared by all threads of a run."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pipeline.clients.google_calendar.errors import CalendarRateLimited, CalendarUnavailable
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.errors import FanoutError

ResultT = TypeVar("ResultT")

# The longest wait within a run. What may not go by then is left for the next run.
LONGEST_WAIT: Final = timedelta(seconds=2)
# What is waited where Google limits, and does not say for how long.
USUAL_LIMIT: Final = timedelta(seconds=60)
# After so many requests in a row without an answer nothing is asked for a while.
MOST_SILENT: Final = 16
SILENCE: Final = timedelta(seconds=60)

_log: Final = logging.getLogger(__name__)


class Turn:
    """Lets requests pass while Google takes them."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: datetime | None = None
        self._why: FanoutError | None = None
        self._silent = 0

    def ask(self, request: Callable[[], ResultT]) -> ResultT:
        """Make a request; once more, where Google asks for a short wait.

        Raises:
            CalendarRateLimited: not now, for one person or for all.
            CalendarUnavailable: Google does not answer this one, or has not for a while.
            FanoutError: whatever else the request raises.
        """
        self.wait()
        try:
            return self._try(request)
        except CalendarRateLimited as error:
            if error.retry_at is None or not self._wait(error.retry_at):
                raise
            return self._try(request)

    def wait(self) -> None:
        """Return when Google may be asked, if that is soon.

        Raises:
            CalendarRateLimited: it is not: Google has asked for a longer pause.
            CalendarUnavailable: it is not: Google has not answered for a while.
        """
        with self._lock:
            until, why = self._closed_until, self._why
        if until is not None and why is not None and not self._wait(until):
            raise why

    def _try(self, request: Callable[[], ResultT]) -> ResultT:
        try:
            result = request()
        except CalendarRateLimited as error:
            if not error.this_person:
                self._close(error.retry_at or self._clock() + USUAL_LIMIT, error)
            raise
        except CalendarUnavailable as error:
            with self._lock:
                self._silent += 1
                is_silent = self._silent >= MOST_SILENT
            if is_silent:
                self._close(self._clock() + SILENCE, error)
            raise
        except FanoutError:
            self._heard()
            raise
        self._heard()
        return result

    def _heard(self) -> None:
        with self._lock:
            self._silent = 0

    def _close(self, until: datetime, why: FanoutError) -> None:
        with self._lock:
            if self._closed_until is None or until > self._closed_until:
                self._closed_until, self._why, self._silent = until, why, 0
        if until - self._clock() > LONGEST_WAIT:
            _log.warning("%s; nothing is asked until %s UTC", why, f"{until:%H:%M:%S}")

    def _wait(self, until: datetime) -> bool:
        """Wait if it is short; False: it is not."""
        pause = until - self._clock()
        if pause > LONGEST_WAIT:
            return False
        time.sleep(max(pause.total_seconds(), 0))
        return True
