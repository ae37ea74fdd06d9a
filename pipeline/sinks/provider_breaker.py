"""Open the breaker of a provider that is in trouble or refuses us; close it when it works again."""

import logging
import threading
from collections import Counter
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.breaker import Breaker
from pipeline.domain.switch import Switch, SwitchState
from pipeline.domain.tried import Health, TriedRequest, health_of
from pipeline.domain.units import duration
from pipeline.facts.switches import switches_of
from pipeline.settings import DatabaseSettings
from pipeline.sinks.change_switch import change_switch

# Timeouts, lost connections and 5xx in a row.
OUTAGE: Final = Breaker(failures=3, cool_off=timedelta(seconds=30), longest=timedelta(minutes=5))
# A wrong key, or a quota that is used up: a person must act, or a day must pass.
REFUSAL: Final = Breaker(failures=1, cool_off=timedelta(minutes=5), longest=timedelta(hours=1))

_OPEN: Final = load(__package__, "open_switch")
_REOPEN: Final = load(__package__, "reopen_after_trial")
_CLOSE: Final = load(__package__, "close_switch")
_REFUND: Final = load(__package__, "refund_failures")
_log: Final = logging.getLogger(__name__)


class ProviderBreakers:
    """The breakers of the providers, fed with the answers that this process got. Thread-safe."""

    def __init__(self, settings: DatabaseSettings, prefix: str) -> None:
        self._settings = settings
        self._prefix = prefix
        self._lock = threading.Lock()
        self._in_a_row: Counter[str] = Counter()
        # The failures in a row, by the sequence of their delivery; and those that opened a breaker.
        self._failed: dict[str, Counter[int]] = {}
        self._refundable: Counter[int] = Counter()

    def observe(self, tried: TriedRequest, now: datetime) -> bool:
        """Count an answer, and open or close the breaker of its provider.

        Returns:
            Whether trouble of the provider costs no attempt: its breaker is open.

        Raises:
            TransientError: a switch could not be written.
            ConfigurationError: a switch cannot be written until a person fixes it.
        """
        name = self._prefix + tried.provider
        switches = switches_of(self._settings)
        health = health_of(tried.reply)
        if health is Health.IN_TROUBLE:
            # Another answer, or another process, may have opened it just now.
            switches.forget()
            return self._in_trouble(name, switches.find(name), tried)
        switch = switches.recall(name)
        match health:
            case Health.WORKS:
                self._forget(name)
                if switch is not None and switch.state is SwitchState.OPEN:
                    self._close(name)
                return False
            case Health.SAYS_NOTHING:
                return False
            case Health.REFUSES_US:
                self._refused(name, switch, tried, now)
                return True

    def refund(self) -> None:
        """Give back the attempts that failures cost which opened a breaker since. They are settled.

        Raises:
            TransientError: the ledger could not be written.
            ConfigurationError: it cannot be written until a person fixes it.
        """
        with self._lock:
            failed, self._refundable = self._refundable, Counter()
        if failed:
            parameters = {"sequences": list(failed), "counts": list(failed.values())}
            with_connection(
                self._settings, lambda connection: connection.execute(_REFUND, parameters)
            )

    def _in_trouble(self, name: str, switch: Switch | None, tried: TriedRequest) -> bool:
        if switch is not None:
            if tried.trial and switch.state is SwitchState.OPEN:
                self._reopen(name, OUTAGE.next_cool_off(switch.cool_off))
            with self._lock:
                self._refundable += self._failed.pop(name, Counter())
                self._in_a_row.pop(name, None)
            return True
        with self._lock:
            self._in_a_row[name] += 1
            in_a_row = self._in_a_row[name]
        if in_a_row < OUTAGE.failures:
            with self._lock:
                failed = self._failed.setdefault(name, Counter())
                failed.update(each.sequence for each in tried.leases)
            return False
        code = getattr(tried.reply.results[0], "code", "")
        self._open(name, OUTAGE.cool_off, in_a_row, code, f"{in_a_row} requests in a row failed")
        with self._lock:
            self._refundable += self._failed.pop(name, Counter())
            self._in_a_row.pop(name, None)
        return True

    def _refused(
        self, name: str, switch: Switch | None, tried: TriedRequest, now: datetime
    ) -> None:
        result = tried.reply.results[0]
        retry_at = getattr(result, "retry_at", None)
        if switch is not None:
            if tried.trial and switch.state is SwitchState.OPEN:
                self._reopen(name, REFUSAL.next_cool_off(switch.cool_off))
            return
        wait = REFUSAL.cool_off if retry_at is None else max(REFUSAL.cool_off, retry_at - now)
        code = getattr(result, "code", "")
        self._open(name, wait, 1, code, "it does not serve us")

    def _forget(self, name: str) -> None:
        with self._lock:
            self._in_a_row.pop(name, None)
            self._failed.pop(name, None)

    def _open(self, name: str, wait: timedelta, failures: int, code: str, what: str) -> None:
        reason = f"{what}: {code}"
        seconds = round(wait.total_seconds())
        parameters = {
            "name": name,
            "reason": reason,
            "seconds": seconds,
            "failures": failures,
            "fingerprint": code,
        }
        if change_switch(self._settings, _OPEN, parameters):
            _log.warning(
                "the breaker of %s opened: %s; its deliveries wait for %s",
                name,
                reason,
                duration(seconds),
            )

    def _reopen(self, name: str, wait: timedelta) -> None:
        seconds = round(wait.total_seconds())
        if change_switch(self._settings, _REOPEN, {"name": name, "seconds": seconds}):
            _log.warning(
                "the breaker of %s stays open: a trial failed; its deliveries wait for %s",
                name,
                duration(seconds),
            )

    def _close(self, name: str) -> None:
        if change_switch(self._settings, _CLOSE, {"name": name}):
            _log.warning("the breaker of %s closed: it works again", name)


@cache
def provider_breakers_of(settings: DatabaseSettings, prefix: str) -> ProviderBreakers:
    """Return the process's breakers of the providers whose switches begin with ``prefix``."""
    return ProviderBreakers(settings, prefix)
