"""Open the breaker of an event type if all its events fail for one cause; close it on a success.

The results of a batch go in. The breaker is a switch in Postgres, which all workers see.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.breaker import Breaker, Streak
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import TransientError
from pipeline.domain.switch import SwitchState
from pipeline.domain.units import counted, duration
from pipeline.facts.switches import switches_of
from pipeline.fanout.outcome import Outcome, Status
from pipeline.settings import DatabaseSettings
from pipeline.sinks.change_switch import change_switch

# Failures of the other stages are faults of the row, not of the handler.
STAGES: Final = frozenset({"decide", "write"})

_OPEN: Final = load(__package__, "open_switch")
_REOPEN: Final = load(__package__, "reopen_switch")
_CLOSE: Final = load(__package__, "close_switch")
_log: Final = logging.getLogger(__name__)


class Breakers:
    """The breakers of a database, fed with the results of this process. Thread-safe."""

    def __init__(self, settings: DatabaseSettings, rule: Breaker) -> None:
        self._settings = settings
        self._rule = rule
        self._lock = threading.Lock()
        self._streaks: dict[str, Streak] = {}

    def observe(self, outcomes: Sequence[Outcome], letters: Sequence[DeadLetter]) -> None:
        """Count the results of a batch, and open or close breakers.

        Args:
            outcomes: the outcomes that were written.
            letters: the dead letters of the other events.

        Raises:
            ConfigurationError: a switch cannot be written until a person fixes it.
        """
        completed = {each.event_type for each in outcomes if each.status is Status.COMPLETED}
        failed: defaultdict[str, list[DeadLetter]] = defaultdict(list)
        for letter in letters:
            if letter.stage in STAGES and letter.event_type is not None:
                failed[letter.event_type].append(letter)
        for name in completed.union(failed):
            try:
                self._observe(name, failed[name], success=name in completed)
            except TransientError as failure:
                # Events do not wait for this. The next failure or success tries again.
                _log.debug("could not change the breaker of %s: %s", name, failure)

    def _observe(self, name: str, letters: Sequence[DeadLetter], *, success: bool) -> None:
        switch = switches_of(self._settings).recall(name)
        is_open = switch is not None and switch.state is SwitchState.OPEN
        with self._lock:
            failures = [] if is_open else [(each.key, each.fingerprint) for each in letters]
            streak = self._streaks.get(name, Streak()).after(failures, success=success)
            if streak.failed:
                self._streaks[name] = streak
            else:
                self._streaks.pop(name, None)
        if is_open and success:
            self._close(name)
        elif switch is not None and is_open:
            if any(each.fingerprint == switch.fingerprint for each in letters):
                seconds = self._rule.next_cool_off(switch.cool_off).total_seconds()
                self._reopen(name, seconds)
        elif switch is None and self._rule.opens(streak):
            self._open(name, streak)

    def _open(self, name: str, streak: Streak) -> None:
        seconds = self._rule.next_cool_off(None).total_seconds()
        failures = counted(len(streak.failed), "event")
        reason = f"{failures} in a row became dead letters of cause {streak.fingerprint}"
        parameters = {
            "name": name,
            "reason": reason,
            "seconds": round(seconds),
            "failures": len(streak.failed),
            "fingerprint": streak.fingerprint,
        }
        if change_switch(self._settings, _OPEN, parameters):
            _log.warning(
                "the breaker of %s opened: %s; its events wait for %s",
                name,
                reason,
                duration(seconds),
            )
        with self._lock:
            self._streaks.pop(name, None)

    def _reopen(self, name: str, seconds: float) -> None:
        if change_switch(self._settings, _REOPEN, {"name": name, "seconds": round(seconds)}):
            _log.warning(
                "the breaker of %s opened again: a tried event became a dead letter;"
                " the other events wait for %s",
                name,
                duration(seconds),
            )

    def _close(self, name: str) -> None:
        if change_switch(self._settings, _CLOSE, {"name": name}):
            _log.warning(
                "the breaker of %s closed: an event was completed; to process the waiting events:"
                " python -m pipeline catch-up",
                name,
            )


@cache
def breakers_of(settings: DatabaseSettings, rule: Breaker) -> Breakers:
    """Return the process's breakers of a database."""
    return Breakers(settings, rule)
