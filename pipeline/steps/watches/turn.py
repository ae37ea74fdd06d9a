"""Decides when Google may be asked. Shared by all threads of a run."""

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

# The longest wait within a run. A request that must wait longer is left to the next run.
LONGEST_WAIT: Final = timedelta(seconds=2)
# The pause if Google limits the rate and does not say for how long.
USUAL_LIMIT: Final = timedelta(seconds=60)
# After this many requests in a row without an answer, Google is not asked for this long.
MOST_UNANSWERED: Final = 16
UNANSWERED_PAUSE: Final = timedelta(seconds=60)

_log: Final = logging.getLogger(__name__)


class Turn:
    """Lets requests pass while Google accepts them."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: datetime | None = None
        self._why: FanoutError | None = None
        self._unanswered = 0

    def ask(self, request: Callable[[], ResultT]) -> ResultT:
        """Make a request. If Google asks for a short wait, make it a second time.

        Raises:
            CalendarRateLimited: Google limits the rate, of one person or of all.
            CalendarUnavailable: Google does not answer, or did not answer the last requests.
            FanoutError: any other error of the request.
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
            CalendarRateLimited: not soon: Google asked for a longer pause.
            CalendarUnavailable: not soon: Google did not answer the last requests.
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
                self._unanswered += 1
                is_away = self._unanswered >= MOST_UNANSWERED
            if is_away:
                self._close(self._clock() + UNANSWERED_PAUSE, error)
            raise
        except FanoutError:
            self._heard()
            raise
        self._heard()
        return result

    def _heard(self) -> None:
        with self._lock:
            self._unanswered = 0

    def _close(self, until: datetime, why: FanoutError) -> None:
        with self._lock:
            if self._closed_until is None or until > self._closed_until:
                self._closed_until, self._why, self._unanswered = until, why, 0
        if until - self._clock() > LONGEST_WAIT:
            _log.warning("%s; nothing is asked until %s UTC", why, f"{until:%H:%M:%S}")

    def _wait(self, until: datetime) -> bool:
        """Wait, if the pause is short. Return whether it was."""
        pause = until - self._clock()
        if pause > LONGEST_WAIT:
            return False
        time.sleep(max(pause.total_seconds(), 0))
        return True
