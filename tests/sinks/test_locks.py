"""Rows that another session has locked: outcomes that do not need them are written."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

import psycopg
import pytest

from pipeline.domain.errors import LockTimeout, TransientError
from pipeline.sinks.locks import Locks
from pipeline.sinks.outcomes import LONG_WAIT, SHORT_WAIT, write_outcomes, write_unlocked
from tests.builders import ANN, BOB, activity, notification, outcome
from tests.deadline import wait_until
from tests.sinks.conftest import Written

BATCH: Final = 100
CONCERNED: Final = 77
# Much less than the time of the lock: halves wait for a tenth of a second each.
SOON: Final = LONG_WAIT.first.total_seconds() + 5


@contextmanager
def locked(written: Written, statement: str) -> Iterator[None]:
    """Hold a lock in a transaction of the application until the block ends."""
    with psycopg.connect(written.database.dsn) as connection:
        names = {"bob": BOB, "event": CONCERNED}
        assert connection.execute(statement.encode(), names).fetchall()
        yield
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT id FROM notifications FOR UPDATE", id="a counter row"),
        pytest.param("SELECT id FROM profiles WHERE id = %(bob)s FOR UPDATE", id="a person"),
        pytest.param("SELECT id FROM domain_events WHERE id = %(event)s FOR UPDATE", id="an event"),
    ],
)
def test_only_what_needs_a_locked_row_waits(written: Written, statement: str) -> None:
    assert not write_outcomes(written.settings, [outcome(1, (BOB, activity()))]).letters
    batch = [outcome(number, (ANN, notification())) for number in range(2, BATCH)]
    batch[CONCERNED - 2] = outcome(CONCERNED, (ANN, notification()), (BOB, activity()))
    with locked(written, statement):
        started = time.monotonic()
        result = write_unlocked(written.settings, batch)
        assert time.monotonic() - started < SOON
        assert [each.event_id for each in result.locked] == [CONCERNED]
        assert len(result.outcomes) == len(batch) - 1
        assert set(written.ledger()) == set(range(1, BATCH)) - {CONCERNED}
    again = write_unlocked(written.settings, result.locked)
    assert ([each.event_id for each, _ in again.outcomes], again.locked) == ([CONCERNED], [])
    assert written.rows("SELECT payload -> 'count' FROM notifications WHERE user_id = %s", BOB) == [
        (2,)
    ]


def test_what_cannot_be_given_back_is_offered_again(written: Written) -> None:
    write_outcomes(written.settings, [outcome(1, (BOB, activity()))])
    batch = [outcome(2, (BOB, activity())), outcome(3, (ANN, notification()))]
    with (
        locked(written, "SELECT id FROM notifications FOR UPDATE"),
        pytest.raises(LockTimeout, match="1 event needs a row that is locked"),
    ):
        write_outcomes(written.settings, batch)
    assert set(written.ledger()) == {1, 3}
    assert len(write_outcomes(written.settings, batch).outcomes) == 1


def test_what_was_found_locked_is_not_waited_for_again_at_once(written: Written) -> None:
    statements = written.recording()
    write_outcomes(written.settings, [outcome(1, (BOB, activity()))])
    locks = Locks()
    with locked(written, "SELECT id FROM notifications FOR UPDATE"):
        first = write_unlocked(written.settings, [outcome(2, (BOB, activity()))], locks=locks)
        assert len(first.locked) == 1
        before = len(statements)
        more = [outcome(number, (BOB, activity())) for number in range(3, 50)]
        result = write_unlocked(written.settings, more, locks=locks)
        assert len(result.locked) == len(more)
        assert len(statements) == before > 0
    wait_until(lambda: not locks.sort(more).locked, seconds=20, what="it is tried again")
    assert len(write_unlocked(written.settings, more, locks=locks).outcomes) == len(more)
    # The successful write shows that the row is no longer locked.
    assert len(locks.sort([outcome(60, (BOB, activity()))]).free) == 1


def test_many_that_need_one_locked_row_are_found_by_few_statements(written: Written) -> None:
    statements = written.recording()
    write_outcomes(written.settings, [outcome(1, (BOB, activity()))])
    batch = [
        outcome(number, (BOB, activity()) if number % 2 else (ANN, notification()))
        for number in range(2, BATCH)
    ]
    with locked(written, "SELECT id FROM notifications FOR UPDATE"):
        before = len(statements)
        result = write_unlocked(written.settings, batch, wait=SHORT_WAIT)
    assert (len(result.outcomes), len(result.locked)) == (49, 49)
    # One statement for each outcome would take hundreds.
    assert 0 < len(statements) - before < 30


@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE"])
def test_a_locked_table_is_waited_for_once_and_named(written: Written, mode: str) -> None:
    settings = replace(written.settings, retry_for=timedelta(milliseconds=500))
    batch = [outcome(number, (ANN, notification())) for number in range(2, BATCH)]
    with psycopg.connect(written.database.dsn) as connection:
        connection.execute(f"LOCK TABLE notifications IN {mode} MODE".encode())
        started = time.monotonic()
        with pytest.raises(TransientError, match="not free in time: table notifications") as failed:
            write_unlocked(settings, batch, wait=SHORT_WAIT)
        assert type(failed.value) is TransientError
        # Waiting in each half of the batch would take many times as long.
        assert time.monotonic() - started < 10 * settings.retry_for.total_seconds()
    assert len(write_unlocked(settings, batch, wait=SHORT_WAIT).outcomes) == len(batch)
