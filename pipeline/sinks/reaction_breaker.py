"""Opens the breaker of a type of reactions if all its events fail for one cause; closes it again.

Settlements of a batch go in. The breaker is a switch in Postgres, which all workers see.
"""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.breaker import Breaker, Streak
from pipeline.domain.errors import TransientError
from pipeline.domain.lease import Settlement, WorkState, give_back
from pipeline.domain.switch import SwitchState
from pipeline.domain.units import counted, duration
from pipeline.facts.switches import switches_of
from pipeline.reactions.outcome import GaveUp, RetryAt
from pipeline.settings import DatabaseSettings
from pipeline.sinks.change_switch import change_switch
from pipeline.steps.reactions.suspect import WORKER_LOST
from pipeline.steps.reactions.trial import TRIAL

BREAKER: Final = Breaker()

# The classes of a cause that are answers of a handler.
_ANSWERS: Final = (RetryAt.__name__, GaveUp.__name__)

_OPEN: Final = load(__package__, "open_switch")
_REOPEN: Final = load(__package__, "reopen_after_trial")
_CLOSE: Final = load(__package__, "close_switch")
_REFUND: Final = load("pipeline.steps.reactions", "refund_tries")
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An event whose handler failed, that could not be written, or that ended its workers.

    Attributes:
        event_type: its type.
        event_id: the event.
        fingerprint: of the cause.
        trial: whether it was the trial of an open breaker.
    """

    event_type: str
    event_id: UUID
    fingerprint: str
    trial: bool


@dataclass(slots=True)
class _Row:
    """Failures in a row of one type, and how many of them each event had."""

    streak: Streak = field(default_factory=Streak)
    tries: Counter[UUID] = field(default_factory=Counter)


class ReactionBreakers:
    """The breakers of the types in a database, fed with the tries of this process. Thread-safe."""

    def __init__(self, settings: DatabaseSettings, rule: Breaker) -> None:
        self._settings = settings
        self._rule = rule
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}

    def spare(
        self, settlements: Sequence[Settlement], failed: Collection[UUID]
    ) -> Sequence[Settlement]:
        """Return the settlements so that failures behind an open breaker cost no attempt.

        Args:
            settlements: how the tries of a batch ended.
            failed: the tokens of the tries that failed.

        Raises:
            TransientError: the switches could not be read.
        """
        if not failed:
            return settlements
        return [
            replace(give_back(each.lease, each.cause, pause=0), values=each.values)
            if each.lease.token in failed and each.cause is not None and self._is_open(each)
            else each
            for each in settlements
        ]

    def observe(self, failed: Mapping[str, Sequence[Failed]], works: AbstractSet[str]) -> None:
        """Count the tries of a batch that was written, and open or close breakers.

        Args:
            failed: the failures, by type.
            works: the types of which a handler answered, with whatever answer.

        Raises:
            ConfigurationError: a switch cannot be written until a person fixes it.
        """
        for name in works | failed.keys():
            try:
                self._observe(name, failed.get(name, ()), works=name in works)
            except TransientError as failure:
                # Events do not wait for this. The next failure or answer tries again.
                _log.debug("could not change the breaker of %s: %s", name, failure)

    def _is_open(self, settlement: Settlement) -> bool:
        switch = switches_of(self._settings).find(type_of(settlement))
        return switch is not None and switch.state is SwitchState.OPEN

    def _observe(self, name: str, failures: Sequence[Failed], *, works: bool) -> None:
        switch = switches_of(self._settings).find(name)
        if switch is None:
            opened = self._count(name, failures, works=works)
            if opened is not None:
                self._open(name, opened)
        elif switch.state is SwitchState.OPEN and works:
            self._close(name)
        elif switch.state is SwitchState.OPEN and any(each.trial for each in failures):
            self._reopen(name, self._rule.next_cool_off(switch.cool_off).total_seconds())

    def _count(self, name: str, failures: Sequence[Failed], *, works: bool) -> _Row | None:
        """Count the failures of a type; return those that open its breaker."""
        with self._lock:
            row = self._rows.pop(name, None) or _Row()
            before = row.streak.fingerprint
            keys = [(str(each.event_id), each.fingerprint) for each in failures]
            row.streak = row.streak.after(keys, success=works)
            if not row.streak.failed:
                return None
            if row.streak.fingerprint != before:
                row.tries.clear()
            row.tries.update(
                each.event_id for each in failures if each.fingerprint == row.streak.fingerprint
            )
            if self._rule.opens(row.streak):
                return row
            self._rows[name] = row
            return None

    def _open(self, name: str, row: _Row) -> None:
        seconds = self._rule.next_cool_off(None).total_seconds()
        failures = counted(len(row.streak.failed), "event")
        reason = f"{failures} in a row failed with the cause {row.streak.fingerprint}"
        parameters = {
            "name": name,
            "reason": reason,
            "seconds": round(seconds),
            "failures": len(row.streak.failed),
            "fingerprint": row.streak.fingerprint,
        }
        if change_switch(self._settings, _OPEN, parameters):
            wait = duration(seconds)
            _log.warning("the breaker of %s opened: %s; its events wait %s", name, reason, wait)
        refund = {"ids": list(row.tries), "counts": list(row.tries.values())}

        def give(connection: Connection[Any]) -> None:
            connection.execute(_REFUND, refund)

        with_connection(self._settings, give)

    def _reopen(self, name: str, seconds: float) -> None:
        if change_switch(self._settings, _REOPEN, {"name": name, "seconds": round(seconds)}):
            _log.warning(
                "the breaker of %s stays open: the event that was tried failed; the others wait %s",
                name,
                duration(seconds),
            )

    def _close(self, name: str) -> None:
        if change_switch(self._settings, _CLOSE, {"name": name}):
            _log.warning("the breaker of %s closed: its handler works again", name)


def by_type(failures: Iterable[Failed]) -> Mapping[str, Sequence[Failed]]:
    """Group failures by the type of their event."""
    found: defaultdict[str, list[Failed]] = defaultdict(list)
    for each in failures:
        found[each.event_type].append(each)
    return found


def type_of(settlement: Settlement) -> str:
    """Return the type of an event, which is also the name of its switch."""
    return str(settlement.lease.values["event_type"])


def is_failure(settlement: Settlement) -> bool:
    """Return whether a handler raised. Invalid payloads are faults of the row, not of a handler."""
    return settlement.counts and settlement.cause is not None and settlement.cause.code is not None


def is_lost(settlement: Settlement) -> bool:
    """Return whether an event is dead because its workers ended while they had it."""
    return settlement.cause is not None and settlement.cause.error_class == WORKER_LOST


def is_answer(settlement: Settlement, failed: Collection[UUID]) -> bool:
    """Return whether a handler answered, with whatever answer, and it was written.

    What is done without its handler, as a route says or since it is not wanted, says nothing of it.
    But a trial counts: otherwise many such events would keep a breaker open.

    Args:
        settlement: how the try ended.
        failed: the tokens of the tries that failed.
    """
    if settlement.lease.token in failed:
        return False
    if settlement.state is WorkState.DONE:
        return settlement.cause is None or TRIAL in settlement.lease.values
    return settlement.cause is not None and settlement.cause.error_class in _ANSWERS


@cache
def reaction_breakers_of(settings: DatabaseSettings, rule: Breaker) -> ReactionBreakers:
    """Return the process's breakers of the types in a database."""
    return ReactionBreakers(settings, rule)
