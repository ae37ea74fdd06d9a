"""The baseline of the bench of reactions polls as it says."""

import threading

from bench.polling import FREQUENT, poll, poll_once
from tests.databases import Databases
from tests.deadline import wait_until
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board


def test_the_baseline_takes_the_oldest_rows_and_makes_a_task_of_each(databases: Databases) -> None:
    with databases.with_reactions() as database:
        board = Board(database)
        ids = [board.event("user.verified", {"userId": str(AMARA)}) for _ in range(25)]
        with database.connect() as connection:
            assert [poll_once(connection, 20) for _ in range(3)] == [20, 5, 0]
        tasks = board.rows("SELECT event_id FROM reactions.agent_tasks ORDER BY created_at")
        assert [event_id for (event_id,) in tasks] == ids
        assert board.rows("SELECT DISTINCT processed FROM reactions.events") == [(True,)]


def test_the_baseline_polls_again_and_again_until_it_is_stopped(databases: Databases) -> None:
    with databases.with_reactions() as database:
        board, stop = Board(database), threading.Event()
        thread = threading.Thread(target=poll, args=(database.dsn, FREQUENT, stop))
        thread.start()
        try:
            for number in (1, 2):
                board.event("user.verified", {"userId": str(AMARA)})
                wait_until(
                    lambda number=number: len(board.tasks()) == number,  # type: ignore[misc]
                    seconds=30,
                    what="the event has its task",
                )
        finally:
            stop.set()
            thread.join()
