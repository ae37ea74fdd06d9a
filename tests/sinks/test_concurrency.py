import logging
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import InvalidEvent
from pipeline.domain.identifiers import EventId
from pipeline.fanout.outcome import Outcome
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.outcomes import write_outcomes
from tests.builders import ANN, BOB, GREETED, activity, email, notification, outcome
from tests.sinks.conftest import EVENTS, Written

WRITERS: Final = 4
ROUNDS: Final = 5
BATCH: Final = 50


def shuffled_batches(seed: int) -> list[list[Outcome]]:
    """Return every event in batches, in an order that depends on the seed."""
    everyone = [(BOB, notification()), (ANN, notification()), (BOB, email()), (ANN, email())]
    counts = [(BOB, activity()), (ANN, activity())]
    outcomes = [
        outcome(number, *(everyone if number % 2 else counts)) for number in range(1, EVENTS + 1)
    ]
    random.Random(seed).shuffle(outcomes)  # noqa: S311 - drawn alike in every run
    return [outcomes[start : start + BATCH] for start in range(0, EVENTS, BATCH)]


def test_writers_of_the_same_events_neither_deadlock_nor_repeat(
    written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    def write(writer: int) -> None:
        for number in range(ROUNDS):
            for batch in shuffled_batches(seed=10 * writer + number):
                assert not write_outcomes(written.settings, batch).letters

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(WRITERS) as executor:
        list(executor.map(write, range(WRITERS)))

    # A deadlock would be retried, and the retry logged.
    assert caplog.messages == []
    assert written.rows(
        "SELECT user_id, kind, count(*), sum((payload ->> 'count')::int) FROM notifications"
        " GROUP BY user_id, kind ORDER BY user_id, kind"
    ) == [
        (user, kind, number, count)
        for user in (ANN, BOB)
        for kind, number, count in (
            ("greeted", EVENTS // 2, None),
            ("thread_activity", 1, EVENTS // 2),
        )
    ]
    assert written.rows("SELECT count(*) FROM pending_emails") == [(EVENTS,)]


def test_writers_of_outcomes_and_of_dead_letters_do_not_deadlock(
    written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    letters = [
        DeadLetter.of_event(EventId(number), GREETED, "decode", InvalidEvent("no"))
        for number in range(EVENTS, 0, -1)
    ]

    def write(writer: int) -> None:
        for number in range(ROUNDS):
            if writer % 2:
                write_dead_letters(written.settings, None, letters, mark_dead)
            else:
                for batch in shuffled_batches(seed=10 * writer + number):
                    write_outcomes(written.settings, batch)

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(WRITERS) as executor:
        list(executor.map(write, range(WRITERS)))

    assert caplog.messages == []
    assert set(written.ledger().values()) == {"completed"}
    assert written.rows("SELECT DISTINCT attempt FROM event_dead_letters") == [(2 * ROUNDS,)]
