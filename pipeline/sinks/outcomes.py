"""Write outcomes: a batch in one statement. The write is atomic and safe to repeat."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from pipeline import __version__
from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load, without
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.errors import LockTimeout, PermanentError, TransientError, UnknownEvent
from pipeline.domain.portions import portions_by_weight
from pipeline.facts.channels import channels_of
from pipeline.fanout.outcome import Outcome
from pipeline.settings import DatabaseSettings
from pipeline.sinks.document import as_document
from pipeline.sinks.locks import Locks, locked_tables

STAGE: Final = "write"
# A statement with this many rows takes about two seconds and little memory, so other events and a
# stop do not wait long. An ordinary batch has a tenth of them or less.
MOST_ROWS: Final = 100_000
# A prepared statement saves the server 3 ms of planning, but may keep a plan that was made while
# the tables were empty. With many rows such a plan costs more.
MOST_BYTES_PREPARED: Final = 256 * 2**10
_WRITE: Final = load(__package__, "write_outcomes")


@cache
def write_statement(*, mails: bool, pushes: bool, webhooks: bool) -> bytes:
    """Return the statement that writes a batch.

    Args:
        mails: whether it makes the deliveries of mails.
        pushes: whether it makes the deliveries of push.
        webhooks: whether it makes the deliveries to endpoints.
    """
    statement = _WRITE
    for part, wanted in (
        ("mail", mails),
        ("push", pushes),
        ("webhooks", webhooks),
        ("deliveries", mails or pushes),
    ):
        if not wanted:
            statement = without(statement, part)
    return statement


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWait:
    """How long a statement waits for a row that another session has locked.

    Attributes:
        first: the wait of a whole batch. Long enough for another of our writers to finish.
        then: the wait of later statements: those that search a batch for the outcomes that need
            the locked row, and those with outcomes that needed a locked row a while ago.
    """

    first: timedelta
    then: timedelta


# For a bundle that fails because of a locked row.
LONG_WAIT: Final = LockWait(first=timedelta(seconds=2), then=timedelta(milliseconds=100))
# For a source that retries outcomes that need a locked row. Other events wait behind the batch.
SHORT_WAIT: Final = LockWait(first=timedelta(milliseconds=100), then=timedelta(milliseconds=30))


@dataclass(frozen=True, slots=True)
class Written:
    """The result of writing a batch. Events that were already completed are in no list.

    Attributes:
        outcomes: the outcomes written now, each with the milliseconds from the event's row to the
            write.
        letters: a dead letter for each event that Postgres rejects, or whose row is missing.
        missing: the outcomes whose events have no row any more.
        locked: the outcomes that need a row that another session has locked. Retry them later.
    """

    outcomes: Sequence[tuple[Outcome, int]] = ()
    letters: Sequence[DeadLetter] = ()
    missing: Sequence[Outcome] = ()
    locked: Sequence[Outcome] = ()

    def __add__(self, other: Self) -> "Written":
        """Join two results."""
        return Written(
            [*self.outcomes, *other.outcomes],
            [*self.letters, *other.letters],
            [*self.missing, *other.missing],
            [*self.locked, *other.locked],
        )


def write_outcomes(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> Written:
    """Write outcomes: their effects, skips and ledger rows.

    Each event is written completely or not at all, and only once even if it is retried. If Postgres
    rejects a batch, or the batch takes longer than the statement timeout, the batch is halved until
    the faulty rows are alone: n outcomes with a bad one take at most 2 * log2(n) + 1 statements.

    Raises:
        LockTimeout: some outcomes need a row that another session has locked. All others are
            written.
        TransientError: not all could be written. Retry all of them.
        ConfigurationError: none can be written until a person fixes it.
    """
    written = write_unlocked(settings, outcomes)
    if written.locked:
        raise LockTimeout.of_events(len(written.locked))
    return written


def write_unlocked(
    settings: DatabaseSettings,
    outcomes: Sequence[Outcome],
    *,
    wait: LockWait = LONG_WAIT,
    locks: Locks | None = None,
) -> Written:
    """Write outcomes like ``write_outcomes``, but return those that need a locked row.

    If a whole table is locked, nothing is written, because all outcomes need the table.

    Args:
        settings: the database.
        outcomes: outcomes in any order; the pages of one event must be in order.
        wait: how long to wait for locked rows.
        locks: the locks that earlier batches found.

    Raises:
        TransientError: not all could be written. Retry all of them.
        ConfigurationError: none can be written until a person fixes it.
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
    """Writes outcomes in one statement. An outcome that needs a locked row is returned instead."""

    def __init__(self, settings: DatabaseSettings, wait: LockWait, locks: Locks) -> None:
        self.lock_timeout = wait.first
        self._settings = settings
        self._wait = wait
        self._locks = locks
        self._is_about_rows = False

    def __call__(self, outcomes: Sequence[Outcome]) -> Written:
        # An earlier half may have found a locked thread: skip other outcomes of that thread.
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
                    # Every outcome would wait for the table, one after the other.
                    named = ", ".join(tables)
                    raise TransientError(f"a lock was not free in time: table {named}") from None
                self._is_about_rows = True
            raise


def _weigh(outcome: Outcome) -> float:
    """Return the number of rows of an outcome. Infinite for a page, so that it is alone.

    A statement can write an event only once.
    """
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
    channels = channels_of(settings)
    statement = write_statement(
        mails=channels.is_on(DeliveryChannel.EMAIL),
        pushes=channels.is_on(DeliveryChannel.BUS),
        webhooks=channels.is_on(DeliveryChannel.WEBHOOK),
    )

    def write(connection: Connection[Any]) -> list[tuple[int, str, int]]:
        try:
            return connection.execute(statement, parameters, prepare=prepare).fetchall()
        except LockNotAvailable:
            # Unlike other transient errors, this is not retried at once: that would wait again.
            raise LockTimeout("an outcome needs a row that another session has locked") from None

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
    return UnknownEvent("its row of domain_events was deleted while the event was processed")
