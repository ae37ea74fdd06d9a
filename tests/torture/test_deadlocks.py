"""Several writers write the same events at the same time, without the stream."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import LockTimeout
from pipeline.domain.identifiers import UserId
from pipeline.fanout.outcome import Outcome
from pipeline.settings import DatabaseSettings
from pipeline.sinks.outcomes import write_outcomes, write_statement
from tests.builders import notification, outcome
from tests.deadline import wait_until
from tests.golden.world import U2, U4
from tests.torture.figures import Figures
from tests.torture.load import UPLOAD
from tests.torture.rig import Rig
from tests.torture.variants import exchange

WRITERS: Final = 4
EVENTS: Final = 300
ROUNDS: Final = 5
MOST_TRIES: Final = 6
TOLD: Final = (UserId(U2), UserId(U4))


def write_at_once(rig: Rig) -> None:
    """Let four writers write the same events at the same time, each in its own order."""
    rig.notice_deadlocks_after(milliseconds=50)
    # The weakened writers meet many deadlocks. None of them may end the test.
    settings = DatabaseSettings(dsn=rig.place.dsn, retry_for=timedelta(minutes=1))
    together = threading.Barrier(WRITERS)

    def write(outcomes: list[Outcome]) -> None:
        mine = random.sample(outcomes, len(outcomes))
        together.wait()
        while True:
            # On a busy machine, another writer holds a row for longer than the statement waits.
            with suppress(LockTimeout):
                assert not write_outcomes(settings, mine).letters
                return

    try:
        with ThreadPoolExecutor(WRITERS) as writers:
            for _ in range(ROUNDS):
                ids = [int(each.attributes["id"]) for each in rig.load.insert(EVENTS, [UPLOAD])]
                lot = [
                    outcome(number, *((user, notification()) for user in TOLD)) for number in ids
                ]
                list(writers.map(write, [lot] * WRITERS))
    finally:
        close_pools()


def test_sorted_writes_do_not_deadlock(rig: Rig) -> None:
    write_at_once(rig)
    assert rig.deadlocks() == 0


def test_control_unsorted_writes_are_caught_in_deadlocks(
    rig: Rig, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = load("pipeline.sinks", "write_outcomes")
    unsorted = exchange(statement, b"ORDER BY event_id\n", b"ORDER BY random()\n")
    tries = 0
    with monkeypatch.context() as weakened:
        weakened.setattr("pipeline.sinks.outcomes._WRITE", unsorted)
        # The process keeps the statement that it made of this one.
        write_statement.cache_clear()
        try:
            # Chance decides which writers meet: on a busy machine they may run one after the other.
            while tries < MOST_TRIES and not rig.deadlocks():
                tries += 1
                write_at_once(rig)
        finally:
            write_statement.cache_clear()
    wait_until(rig.deadlocks, seconds=60, what="Postgres has counted a deadlock")
    figures.caught(
        6,
        "ledger rows are written in any order",
        f"{WRITERS} writers of the same {EVENTS} events, {ROUNDS * tries} times:"
        f" {rig.deadlocks()} deadlocks",
    )
