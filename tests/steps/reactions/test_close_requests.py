"""The hourly sweep: which community requests it closes, page by page, and what it tells inboxes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from pipeline.domain.lease import WorkState
from pipeline.jobs.job import Pages
from pipeline.jobs.reactions.close_expired_requests import CLOSE_EXPIRED_REQUESTS
from pipeline.jobs.tick import Tick
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.run_job import JobRunner, RunEnded
from tests.deadline import wait_until
from tests.reactions.asking import AMARA, GRACE, LEO
from tests.steps.reactions.board import Board
from tests.steps.runs import run_tick

WAITS_FOR = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def runner(board: Board) -> JobRunner:
    settings = DatabaseSettings(dsn=board.database.jobs_dsn)
    return JobRunner(settings=settings, bury=partial(write_dead_letters, settings, None))


def request(
    board: Board,
    expires_at: datetime = NOON + HOUR,
    *,
    asked: tuple[UUID, ...] = (),
    answered: tuple[UUID, ...] = (),
    status: str = "open",
) -> UUID:
    request_id = uuid4()
    board.execute(
        "INSERT INTO reactions.community_requests (id, event_id, question, expertise_needed,"
        " desired_outcome, urgency, target_user_ids, answered_by, details, status,"
        " created_at, expires_at)"
        " VALUES (%s, %s, '?', '{}', 'backchannel', 'medium', %s, %s, '{}', %s, %s, %s)",
        *(request_id, uuid4(), list(asked), list(answered), status, NOON, expires_at),
    )
    for user in asked:
        board.execute(
            "INSERT INTO reactions.inbox_items (id, event_id, user_id, item_type, item_id, status,"
            " score, content) VALUES (%s, %s, %s, 'community_request', %s, 'active', 50, '{}')",
            *(uuid4(), uuid4(), user, request_id),
        )
    return request_id


def close(runner: JobRunner, page: int = 500) -> RunEnded:
    work = CLOSE_EXPIRED_REQUESTS.work
    assert isinstance(work, Pages)
    job = replace(CLOSE_EXPIRED_REQUESTS, work=replace(work, most=page))
    [ended] = run_tick(runner, job, Tick(job=job.name, scheduled_for=NOON))
    return ended


def statuses(board: Board, *ids: UUID) -> list[str]:
    rows = board.rows(
        "SELECT status FROM reactions.community_requests ORDER BY array_position(%s::uuid[], id)",
        list(ids),
    )
    return [status for (status,) in rows]


def test_expired_and_fully_answered_requests_are_closed_and_no_other(
    board: Board, runner: JobRunner
) -> None:
    both = (AMARA, LEO)
    ids = (
        request(board, NOON, asked=both),
        request(board, NOON + timedelta(microseconds=1), asked=both, answered=(LEO,)),
        request(board, asked=both, answered=(LEO, GRACE, AMARA)),
        # Nobody was asked, so nobody has answered.
        request(board),
        request(board, NOON, status="cancelled"),
    )
    ended = close(runner)
    assert (ended.state, ended.run.counts.due, ended.run.counts.emitted) == (WorkState.DONE, 2, 2)
    assert statuses(board, *ids) == ["closed", "open", "closed", "open", "cancelled"]
    items = board.rows(
        "SELECT count(*) FILTER (WHERE item.status = 'expired'), count(*)"
        " FROM reactions.inbox_items AS item JOIN reactions.community_requests AS request"
        " ON request.id = item_id WHERE request.status = 'closed'"
    )
    assert items == [(4, 4)]
    assert close_again(runner) == 0


def test_an_item_that_has_ended_otherwise_or_has_another_type_stays_so(
    board: Board, runner: JobRunner
) -> None:
    request(board, NOON, asked=(AMARA, LEO, GRACE))
    board.execute("UPDATE reactions.inbox_items SET status = 'completed' WHERE user_id = %s", LEO)
    board.execute("UPDATE reactions.inbox_items SET item_type = 'intro' WHERE user_id = %s", GRACE)
    close(runner)
    items = board.rows("SELECT user_id, status FROM reactions.inbox_items")
    assert dict(items) == {AMARA: "expired", LEO: "completed", GRACE: "active"}


def test_items_are_locked_in_the_order_of_people(board: Board, runner: JobRunner) -> None:
    """As write_reactions locks them: two that wait for each other would be a deadlock."""
    first, last = sorted((AMARA, LEO), key=str)
    # The other way round in the table.
    request(board, NOON, asked=(last, first))
    lock = "SELECT FROM reactions.inbox_items WHERE user_id = %s FOR UPDATE SKIP LOCKED"
    with board.database.connect() as holder, ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            assert len(holder.execute(lock, [first]).fetchall()) == 1
            closing = pool.submit(close, runner)
            wait_until(
                lambda: board.rows(WAITS_FOR, holder.info.backend_pid) == [(1,)],
                seconds=20,
                what="the job waits for the first item",
            )
            assert len(board.rows(lock, last)) == 1
        assert closing.result().state is WorkState.DONE
    assert board.rows("SELECT DISTINCT status FROM reactions.inbox_items") == [("expired",)]


def close_again(runner: JobRunner) -> int:
    return runner.run_by_hand(CLOSE_EXPIRED_REQUESTS, now=NOON, changed={}).run.counts.emitted


def test_it_works_page_by_page(board: Board, runner: JobRunner) -> None:
    ids = [request(board, NOON - HOUR) for _ in range(7)]
    ended = close(runner, page=3)
    assert (ended.run.counts.scanned, ended.run.counts.emitted) == (7, 7)
    assert set(statuses(board, *ids)) == {"closed"}


def test_one_that_is_being_changed_is_left_for_the_next_run(
    board: Board, runner: JobRunner
) -> None:
    busy, free = request(board, NOON), request(board, NOON)
    lock = "SELECT FROM reactions.community_requests WHERE id = %s FOR UPDATE"
    with board.database.connect() as connection, connection.transaction():
        connection.execute(lock, [busy])
        counts = close(runner).run.counts
    assert (counts.emitted, counts.skipped) == (1, 1)
    assert statuses(board, busy, free) == ["open", "closed"]
    assert close_again(runner) == 1


def test_a_dry_run_says_why_and_closes_nothing(board: Board, runner: JobRunner) -> None:
    request(board, NOON)
    request(board, asked=(LEO,), answered=(LEO,))
    [page] = runner.preview(CLOSE_EXPIRED_REQUESTS, now=NOON, changed={})
    assert sorted(each["why"] for each in page.preview) == ["answered", "expired"]
    assert set(statuses(board)) == {"open"}
