"""Rows that somebody else holds locked: what does not need them goes on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import pytest

from pipeline.domain.errors import LockTimeout
from pipeline.sinks.outcomes import LOCK_TIMEOUT, write_outcomes, write_what_is_free
from tests.builders import ANN, BOB, activity, notification, outcome
from tests.sinks.conftest import Written

BATCH: Final = 100
CONCERNED: Final = 77
# Much less than the lock is held for: halves wait for a tenth of a second each.
SOON: Final = LOCK_TIMEOUT.total_seconds() + 5


@contextmanager
def locked(written: Written, statement: str) -> Iterator[None]:
    """A transaction of the application that holds a lock for as long as the block lasts."""
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
        result = write_what_is_free(written.settings, batch)
        assert time.monotonic() - started < SOON
        assert [each.event_id for each in result.locked] == [CONCERNED]
        assert len(result.outcomes) == len(batch) - 1
        assert set(written.ledger()) == set(range(1, BATCH)) - {CONCERNED}
    again = write_what_is_free(written.settings, result.locked)
    assert ([each.event_id for each, _ in again.outcomes], again.locked) == ([CONCERNED], [])
    assert written.rows("SELECT payload -> 'count' FROM notifications WHERE user_id = %s", BOB) == [
        (2,)
    ]


def test_what_cannot_be_given_back_is_offered_again(written: Written) -> None:
    write_outcomes(written.settings, [outcome(1, (BOB, activity()))])
    batch = [outcome(2, (BOB, activity())), outcome(3, (ANN, notification()))]
    with (
        locked(written, "SELECT id FROM notifications FOR UPDATE"),
        pytest.raises(LockTimeout, match="1 events need a row that is locked"),
    ):
        write_outcomes(written.settings, batch)
    assert set(written.ledger()) == {1, 3}
    assert len(write_outcomes(written.settings, batch).outcomes) == 1
