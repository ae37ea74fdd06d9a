"""Write outcomes: a batch in one statement, atomic, harmless when repeated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from pipeline import __version__
from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import LockTimeout, PermanentError, TransientError, UnknownEvent
from pipeline.domain.portions import portions_by_weight
from pipeline.fanout.outcome import Outcome
from pipeline.settings import DatabaseSettings
from pipeline.sinks.document import as_document
from pipeline.sinks.locks import Locks, locked_tables

STAGE: Final = "write"
# Such a statement takes about two seconds: it keeps nobody waiting for long, neither another event
# nor a stop, and costs little memory. An ordinary batch has a tenth of them or less.
MOST_ROWS: Final = 100_000
# A prepared statement spares the server 3 ms of planning, and may keep a plan that was made while
# the tables were empty. Where there are many rows that plan costs more.
MOST_BYTES_PREPARED: Final = 256 * 2**10
_WRITE: Final = load(__package__, "write_outcomes")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWait:
    """How long to wait for rows that somebody has locked.

    Attributes:
        first: a whole batch; for another writer of ours, who is done by then.
        then: a part of it, in which what needs the locked row is looked for, or what needed one
            a while ago.
    """

    first: timedelta
    then: timedelta


# Where the batch fails if anything is left over.
LONG_WAIT: Final = LockWait(first=timedelta(seconds=2), then=timedelta(milliseconds=100))
# Where what is left over comes again by itself, while others wait behind the batch.
SHORT_WAIT: Final = LockWait(first=timedelta(milliseconds=100), then=timedelta(milliseconds=30))


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch came to; what the ledger held as completed already is in no list.

    Attributes:
        outcomes: those written now, each with the milliseconds from the event's row to its own.
        letters: a dead letter for each event that Postgres refuses, or has no row of.
        missing: those whose events have no row any more.
        locked: those that need a row which somebody else has locked; to be offered again later.
    """

    outcomes: Sequence[tuple[Outcome, int]] = ()
    letters: Sequence[DeadLetter] = ()
    missing: Sequence[Outcome] = ()
    locked: Sequence[Outcome] = ()

    def __add__(self, other: Self) -> "Written":
        """Both."""
        return Written(
            [*self.outcomes, *other.outcomes],
            [*self.letters, *other.letters],
            [*self.missing, *other.missing],
            [*self.locked, *other.locked],
        )


def write_outcomes(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> Written:
    """Write outcomes with everything that follows from them.

    Each event is written whole or not at all, once however often it is offered. Where Postgres
    refuses a batch it is halved until the rows at fault stand alone: n outcomes with one of them
    bad take at most 2 * log2(n) + 1 statements; so is a batch that takes longer than a statement
    may.

    Raises:
        LockTimeout: all are written but those that need a row which somebody else has locked.
        TransientError: not all could be written; offer all of them again.
        ConfigurationError: none can be written.
    """
    written = write_unlocked(settings, outcomes)
    if written.locked:
        raise LockTimeout(f"{len(written.locked):,} of the events need a row that is locked")
    return written


def write_unlocked(
    settings: DatabaseSettings,
    outcomes: Sequence[Outcome],
    *,
    wait: LockWait = LONG_WAIT,
    locks: Locks | None = None,
) -> Written:
    """As ``write_outcomes``, but what needs a locked row comes back as such, and holds up nothing.

    Where a whole table is locked nothing is written, since all outcomes need it.

    Args:
        settings: the database.
        outcomes: in any order, but pages of an event in theirs.
        wait: how long to wait for rows that are locked.
        locks: what is known of them, by batches before this one.

    Raises:
        TransientError: not all could be written; offer all of them again.
        ConfigurationError: none can be written.
    """
    distinct = list({(each.event_id, each.page): each for each in outcomes}.values())
    locks = locks or Locks()
    known = locks.sort(distinct)
    write = _WriteUnlocked(settings, wait, locks)
    written = Written(locked=known.locked) + _write(write, known.free)
    write.lock_timeout = wait.then
    written += _write(write, known.doubtful)
    lost = [_letter(outcome, _missing()) for outcome in written.missing]
    return replace(written, missing=()) + Written(letters=lost)


def _letter(outcome: Outcome, error: PermanentError) -> DeadLetter:
    return DeadLetter.of_event(outcome.event_id, outcome.event_type, STAGE, error)


def _write(write: "_WriteUnlocked", outcomes: Sequence[Outcome]) -> Written:
    written = Written()
    for portion in portions_by_weight(outcomes, _weigh, MOST_ROWS):
        for some, result in in_halves(portion, write):
            if isinstance(result, PermanentError):
                written += Written(letters=[_letter(some[0], result)])
            else:
                written += result
    return written


class _WriteUnlocked:
    """Writes some outcomes at once; a single one that needs a locked row is not written."""

    def __init__(self, settings: DatabaseSettings, wait: LockWait, locks: Locks) -> None:
        self.lock_timeout = wait.first
        self._settings = settings
        self._wait = wait
        self._locks = locks
        self._is_about_rows = False

    def __call__(self, outcomes: Sequence[Outcome]) -> Written:
        # Found by a half before this one, as a rule: what shares its thread is not tried.
        known = self._locks.sort(outcomes)
        free = [*known.free, *known.doubtful]
        if not free:
            return Written(locked=known.locked)
        try:
            written = self._write(free)
        except LockTimeout:
            self.lock_timeout = self._wait.then
            if len(outcomes) > 1:
                raise
            self._locks.remember(outcomes[0])
            return Written(locked=outcomes)
        self._locks.forget([outcome for outcome, _ in written.outcomes])
        return written + Written(locked=known.locked)

    def _write(self, outcomes: Sequence[Outcome]) -> Written:
        try:
            return _write_at_once(self._settings, outcomes, self.lock_timeout)
        except LockTimeout:
            if not self._is_about_rows:
                if tables := locked_tables(self._settings):
                    # All would wait for it, one after the other.
                    named = ", ".join(tables)
                    raise TransientError(f"a lock was not free in time: table {named}") from None
                self._is_about_rows = True
            raise


def _weigh(outcome: Outcome) -> float:
    """The rows that follow; a page stands alone, since a statement can write an event once only."""
    if outcome.page is not None:
        return math.inf
    return 1 + len(outcome.effects) + len(outcome.skips)


def _write_at_once(
    settings: DatabaseSettings, outcomes: Sequence[Outcome], lock_timeout: timedelta
) -> Written:
    document = as_document(outcomes)
    parameters = {
        "batch": document,
        "version": __version__,
        "lock_timeout": str(round(lock_timeout.total_seconds() * 1000)),
    }
    prepare = None if len(document) <= MOST_BYTES_PREPARED else False

    def write(connection: Connection[Any]) -> list[tuple[int, str, int]]:
        try:
            return connection.execute(_WRITE, parameters, prepare=prepare).fetchall()
        except LockNotAvailable:
            # Not to be tried again at once, as other errors that pass are: that would wait as long.
            raise LockTimeout("an outcome needs a row that somebody else has locked") from None

    states = {event_id: (state, ms) for event_id, state, ms in with_connection(settings, write)}
    written, missing = [], []
    for outcome in outcomes:
        state, milliseconds = states[outcome.event_id]
        if state == "written":
            written.append((outcome, milliseconds))
        elif state == "missing":
            missing.append(outcome)
    return Written(written, missing=missing)


def _missing() -> PermanentError:
    return UnknownEvent("its row of domain_events was deleted meanwhile")
