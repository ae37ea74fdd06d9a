"""Due tasks and messages: who gets them, in which order, how often, and how a worker answers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from pipeline.domain.lease import WorkState
from pipeline.jobs.job import Input, Job, Pages, Retention
from pipeline.jobs.reactions.dispatch_messages import DISPATCH_MESSAGES
from pipeline.jobs.reactions.dispatch_tasks import DISPATCH_TASKS
from pipeline.jobs.reactions.retention import REACTION_RETENTION
from pipeline.jobs.table import JOBS
from pipeline.jobs.tick import Tick
from pipeline.reactions.identifiers import id_from
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.retention import run_retention
from pipeline.steps.run_due import JobThreads
from pipeline.steps.run_job import JobRunner
from tests.deadline import wait_until
from tests.reactions.asking import AMARA, TALK
from tests.steps.reactions.board import Board, one
from tests.steps.runs import run_tick

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG = timedelta(days=1)
STATUS = {
    "agent_tasks": "SELECT status FROM reactions.agent_tasks WHERE id = %s",
    "message_queue": "SELECT status FROM reactions.message_queue WHERE id = %s",
}
CHANGE = {
    "agent_tasks": "UPDATE reactions.agent_tasks SET status = %s WHERE id = %s",
    "message_queue": "UPDATE reactions.message_queue SET status = %s WHERE id = %s",
}


@dataclass(frozen=True)
class Queue:
    """A queue of the application, and how its rows are handed out."""

    board: Board
    job: Job
    table: str
    new: str
    done: str
    ready: str
    complete: str
    fail: str
    row_id: str

    @property
    def runner(self) -> JobRunner:
        settings = DatabaseSettings(dsn=self.board.database.jobs_dsn)
        return JobRunner(settings=settings, bury=partial(write_dead_letters, settings, None))

    def add(self, *, priority: int = 2, due: datetime = NOON, row_id: UUID | None = None) -> UUID:
        row_id = row_id or uuid4()
        if self.table == "agent_tasks":
            self.board.execute(
                "INSERT INTO reactions.agent_tasks (id, event_id, task_type, agent_type,"
                " scheduled_for, priority, context_json, created_at)"
                " VALUES (%s, %s, 'call', 'concierge', %s, %s, '{}', %s)",
                *(row_id, uuid4(), due, priority, NOON),
            )
        else:
            self.board.execute(
                "INSERT INTO reactions.message_queue (id, event_id, user_id, template,"
                " context_json, scheduled_for, priority, conversation_context_id, created_at)"
                " VALUES (%s, %s, %s, 'hello', '{}', %s, %s, %s, %s)",
                *(row_id, uuid4(), AMARA, due, priority, TALK, NOON),
            )
        return row_id

    def dispatch(self) -> int:
        """One round; return how many were handed out."""
        done = self.runner.do_round(self.job)
        return 0 if done is None else done.emitted

    def ready_events(self) -> list[tuple[UUID, int]]:
        return self.board.rows(
            "SELECT (payload ->> %s)::uuid, (payload ->> 'try')::int"
            " FROM reactions.events WHERE event_type = %s ORDER BY sequence",
            *(self.row_id, self.ready),
        )

    def status(self, row_id: UUID) -> str:
        return str(one(self.board.rows(STATUS[self.table], row_id)))

    def answer(self, function: str, row_id: UUID, *more: object) -> bool:
        marks = ", ".join(["%s"] * (1 + len(more)))
        return bool(one(self.board.rows(f"SELECT reactions.{function}({marks})", row_id, *more)))

    def pauses(self, row_id: UUID) -> float:
        """Seconds from the last failure to the next try."""
        return float(
            one(
                self.board.rows(
                    "SELECT extract(epoch FROM next_attempt_at - attempt.finished_at)"
                    " FROM fanout.dispatches JOIN fanout.attempts AS attempt"
                    " ON record_id = id::text AND number = attempts WHERE id = %s",
                    row_id,
                )
            )
        )

    def pass_time(self, seconds: float) -> None:
        self.board.execute(
            "UPDATE fanout.dispatches"
            " SET next_attempt_at = next_attempt_at - make_interval(secs => %s)",
            seconds,
        )


@pytest.fixture(params=["tasks", "messages"])
def queue(request: pytest.FixtureRequest, board: Board) -> Queue:
    if request.param == "tasks":
        return Queue(
            board,
            DISPATCH_TASKS,
            "agent_tasks",
            "pending",
            "completed",
            "agent.task_ready",
            "complete_task",
            "fail_task",
            "taskId",
        )
    return Queue(
        board,
        DISPATCH_MESSAGES,
        "message_queue",
        "queued",
        "sent",
        "message.ready_to_send",
        "complete_message",
        "fail_message",
        "messageId",
    )


def test_what_is_due_is_handed_out_once(queue: Queue) -> None:
    due, later = queue.add(), queue.add(due=datetime.now(UTC) + LONG)
    assert queue.dispatch() == 1
    assert queue.dispatch() == 0
    assert queue.ready_events() == [(due, 1)]
    assert (queue.status(due), queue.status(later)) == ("processing", queue.new)
    assert queue.answer(queue.complete, due)
    assert queue.status(due) == queue.done
    # A second answer changes nothing.
    assert not queue.answer(queue.complete, due)
    assert not queue.answer(queue.fail, due, "no")
    assert queue.dispatch() == 0


def test_the_most_urgent_comes_first_then_the_earliest(queue: Queue) -> None:
    ids = [UUID(int=number) for number in range(6)]
    queue.add(row_id=ids[0], priority=3)
    queue.add(row_id=ids[1], priority=1, due=NOON + LONG)
    queue.add(row_id=ids[2], priority=2)
    queue.add(row_id=ids[3], priority=0, due=NOON + 2 * LONG)
    queue.add(row_id=ids[5], priority=1)
    queue.add(row_id=ids[4], priority=1)
    assert queue.dispatch() == 6
    assert [found for found, _ in queue.ready_events()] == [
        ids[each] for each in (3, 4, 5, 1, 2, 0)
    ]


def test_the_order_of_names_is_not_that_of_the_alphabet(board: Board) -> None:
    names = ["urgent", "high", "medium", "low"]
    ranks = "SELECT array_agg(fanout.rank_of(name) ORDER BY place)"
    [(found,)] = board.rows(
        f"{ranks} FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place)", names
    )
    assert found == [0, 1, 2, 3]


def test_a_failure_waits_60_120_and_240_seconds_and_the_fourth_is_final(queue: Queue) -> None:
    row_id = queue.add()
    for number, pause in enumerate((60, 120, 240), start=1):
        assert queue.dispatch() == 1
        assert queue.answer(queue.fail, row_id, "the line is busy")
        assert queue.status(row_id) == queue.new
        assert queue.pauses(row_id) == pause
        queue.pass_time(pause - 30)
        assert queue.dispatch() == 0, number
        queue.pass_time(30)
    assert queue.dispatch() == 1
    assert queue.answer(queue.fail, row_id, "the line is busy")
    assert queue.status(row_id) == "failed"
    queue.pass_time(LONG.total_seconds())
    assert queue.dispatch() == 0
    assert queue.ready_events() == [(row_id, number) for number in (1, 2, 3, 4)]
    tries = "SELECT number, result FROM fanout.attempts WHERE record_id = %s ORDER BY 1"
    assert queue.board.rows(tries, str(row_id)) == [
        (1, "failed"),
        (2, "failed"),
        (3, "failed"),
        (4, "dead"),
    ]


def test_no_answer_in_time_is_a_failed_try(queue: Queue) -> None:
    row_id = queue.add()
    queue.dispatch()
    queue.pass_time(3600)
    assert queue.dispatch() == 0
    assert queue.status(row_id) == queue.new
    queue.pass_time(61)
    assert queue.dispatch() == 1
    # The worker of the first try does not fail the second one.
    assert not queue.answer(queue.fail, row_id, "too late", 1)
    assert queue.status(row_id) == "processing"
    assert queue.answer(queue.fail, row_id, "in time", 2)


def test_a_completion_counts_however_late(queue: Queue) -> None:
    row_id = queue.add()
    queue.dispatch()
    queue.pass_time(3600)
    queue.dispatch()
    assert queue.answer(queue.complete, row_id)
    queue.pass_time(3600)
    assert queue.dispatch() == 0
    assert queue.status(row_id) == queue.done


def test_a_status_that_the_application_sets_itself_is_the_answer(queue: Queue) -> None:
    ended, withdrawn, again = queue.add(), queue.add(), queue.add()
    queue.dispatch()
    change = CHANGE[queue.table]
    queue.board.execute(change, queue.done, ended)
    queue.board.execute(change, "cancelled", withdrawn)
    queue.pass_time(3600)
    queue.dispatch()
    assert [queue.status(each) for each in (ended, withdrawn, again)] == [
        queue.done,
        "cancelled",
        queue.new,
    ]
    states = "SELECT state FROM fanout.dispatches ORDER BY array_position(%s::uuid[], id)"
    assert queue.board.rows(states, [ended, withdrawn, again]) == [
        ("done",),
        ("cancelled",),
        ("waiting",),
    ]


def test_an_answer_overwrites_no_status_that_the_application_has_set(queue: Queue) -> None:
    ended, failed = queue.add(), queue.add()
    queue.dispatch()
    for row_id in (ended, failed):
        queue.board.execute(CHANGE[queue.table], "cancelled", row_id)
    assert queue.answer(queue.complete, ended)
    assert queue.answer(queue.fail, failed, "the line is busy")
    assert [queue.status(each) for each in (ended, failed)] == ["cancelled", "cancelled"]


def test_what_the_application_sets_back_begins_a_new_series(queue: Queue) -> None:
    row_id = queue.add()
    queue.dispatch()
    queue.answer(queue.complete, row_id)
    queue.board.execute(CHANGE[queue.table], queue.new, row_id)
    assert queue.dispatch() == 1
    assert queue.ready_events() == [(row_id, 1), (row_id, 2)]


def test_failures_of_an_earlier_series_do_not_count(queue: Queue) -> None:
    row_id = queue.add()
    for pause in (60, 120, 240, 0):
        queue.dispatch()
        assert queue.answer(queue.fail, row_id, "the line is busy")
        queue.pass_time(pause)
    assert queue.status(row_id) == "failed"
    queue.board.execute(CHANGE[queue.table], queue.new, row_id)
    assert queue.dispatch() == 1
    assert queue.answer(queue.fail, row_id, "the line is busy")
    assert (queue.status(row_id), queue.pauses(row_id)) == (queue.new, 60)


def test_two_at_once_hand_each_out_once(queue: Queue) -> None:
    ids = {queue.add() for _ in range(40)}
    small = replace(queue, job=replace(queue.job, work=small_pages(queue.job)))
    with ThreadPoolExecutor(4) as pool:
        handed = sum(pool.map(lambda _: small.dispatch(), range(4)))
    handed += queue.dispatch()
    assert handed == 40
    assert sorted(found for found, _ in queue.ready_events()) == sorted(ids)


def small_pages(job: Job, most: int = 3) -> Pages:
    assert isinstance(job.work, Pages)
    return replace(job.work, most=most)


def test_a_row_that_the_application_has_locked_holds_up_nobody(queue: Queue) -> None:
    locked, free = queue.add(priority=0), queue.add()
    with queue.board.database.connect() as connection, connection.transaction():
        connection.execute(
            f"SELECT FROM reactions.{queue.table} WHERE id = %s FOR UPDATE".encode(), [locked]
        )
        assert queue.dispatch() == 1
    assert queue.dispatch() == 1
    assert [found for found, _ in queue.ready_events()] == [free, locked]


def test_a_paused_job_hands_out_nothing(queue: Queue) -> None:
    queue.add()
    queue.board.execute(
        "INSERT INTO fanout.switches (name, state, who, reason)"
        " VALUES (%s, 'paused', 'amara', 'a test')",
        queue.job.name,
    )
    assert queue.runner.do_round(queue.job) is None
    queue.board.execute("DELETE FROM fanout.switches")
    assert queue.dispatch() == 1


def test_a_tick_hands_out_what_is_due_and_a_dry_run_nothing(queue: Queue) -> None:
    queue.add()
    [page] = queue.runner.preview(queue.job, now=datetime.now(UTC), changed={})
    assert (page.counts.due, page.counts.emitted, len(page.preview)) == (1, 0, 1)
    [ended] = run_tick(
        queue.runner, queue.job, Tick(job=queue.job.name, scheduled_for=datetime.now(UTC))
    )
    assert (ended.state, ended.run.counts.emitted) == (WorkState.DONE, 1)


def test_a_dry_run_tells_of_each_once_page_by_page(queue: Queue) -> None:
    # It is due later than the others of its priority, since it failed, but is scheduled first.
    failed = queue.add(due=NOON)
    assert queue.dispatch() == 1
    assert queue.answer(queue.fail, failed, "the line is busy")
    queue.pass_time(120)
    later = [queue.add(due=NOON + timedelta(hours=hours)) for hours in (1, 2, 2, 3)]
    urgent, least = queue.add(priority=0), queue.add(priority=3)
    job = replace(queue.job, work=small_pages(queue.job, most=2))
    now = datetime.now(UTC)
    pages = [page.preview for page in queue.runner.preview(job, now=now, changed={})]
    told = [
        (UUID(each.get("task", each.get("message"))), each["try"])
        for page in pages
        for each in page
    ]
    assert told[:2] == [(urgent, 1), (failed, 2)]
    assert sorted(told[2:6]) == sorted((each, 1) for each in later)
    assert told[6:] == [(least, 1)]
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    # Control: a run hands the urgent one and the one scheduled first out too, and all of them.
    assert queue.dispatch() == 7


def test_what_another_session_handed_out_since_it_was_read_is_left_to_it(queue: Queue) -> None:
    row_id = queue.add()
    assert queue.dispatch() == 1
    assert queue.answer(queue.fail, row_id, "the line is busy")
    queue.pass_time(60)
    waiting = (
        "SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with queue.board.database.connect() as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            # As the other session does, whose worker has failed since.
            other.execute("UPDATE fanout.dispatches SET attempts = attempts + 1")
            handed = pool.submit(queue.dispatch)
            wait_until(lambda: len(queue.board.rows(waiting)) == 1, seconds=30, what="it waits")
        assert handed.result() == 0
    assert queue.ready_events() == [(row_id, 1)]
    # Control: when it is read again, it is handed out.
    assert queue.dispatch() == 1
    assert queue.ready_events() == [(row_id, 1), (row_id, 3)]


def test_the_ids_of_the_database_are_those_of_python(board: Board) -> None:
    cause = uuid4()
    assert one(board.rows("SELECT fanout.id_from(%s, 'é:1')", cause)) == id_from(cause, "é:1")


def test_a_worker_may_answer_and_nothing_else(board: Board) -> None:
    with board.database.connect() as connection:
        connection.execute("SET ROLE fanout_agent")
        answered = connection.execute(
            "SELECT reactions.complete_task(id), reactions.fail_task(id, 'e'),"
            " reactions.complete_message(id), reactions.fail_message(id, 'e')"
            " FROM (SELECT gen_random_uuid() AS id) AS given"
        ).fetchall()
        assert answered == [(False, False, False, False)]
        for statement in (
            "SELECT FROM reactions.agent_tasks",
            "SELECT FROM reactions.events",
            "SELECT FROM fanout.dispatches",
            "SELECT fanout.end_dispatch('task', gen_random_uuid(), 'done', NULL, NULL)",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement.encode())


def test_jobs_of_other_families_do_not_run_here(board: Board) -> None:
    settings = DatabaseSettings(dsn=board.database.jobs_dsn)
    runner = JobRunner(settings=settings, bury=partial(write_dead_letters, settings, None))
    for job in JOBS.values():
        runner.record(job, [Tick(job=job.name, scheduled_for=NOON)])
    recorded = board.rows("SELECT job FROM fanout.job_runs ORDER BY 1")
    assert [name for (name,) in recorded] == [
        *("close-expired-requests", "dispatch-messages", "dispatch-tasks", "reaction-retention")
    ]


def test_a_due_task_does_not_wait_for_a_tick(board: Board) -> None:
    settings = DatabaseSettings(dsn=board.database.jobs_dsn)
    threads = JobThreads()
    runner = JobRunner(settings=settings, bury=partial(write_dead_letters, settings, None))
    threads.start(runner, {DISPATCH_TASKS.name: DISPATCH_TASKS}, fail=lambda: None)
    try:
        board.execute(
            "INSERT INTO reactions.agent_tasks (id, event_id, task_type, agent_type,"
            " scheduled_for, context_json) VALUES (%s, %s, 'call', 'concierge', now(), '{}')",
            *(uuid4(), uuid4()),
        )
        wait_until(
            lambda: one(board.rows("SELECT count(*) FROM reactions.events")) == 1,
            seconds=30,
            what="the task is handed out",
        )
    finally:
        threads.stop()
    assert board.rows("SELECT FROM fanout.job_runs") == []


def test_what_was_kept_of_ended_ones_goes_after_30_days_with_its_tries(queue: Queue) -> None:
    ended, young, open_ = queue.add(), queue.add(), queue.add()
    queue.dispatch()
    for row_id in (ended, young):
        assert queue.answer(queue.complete, row_id)
    queue.board.execute(
        "UPDATE fanout.dispatches SET finished_at = finished_at - interval '31 days' WHERE id = %s",
        ended,
    )
    assert isinstance(REACTION_RETENTION.work, Retention)
    settings = DatabaseSettings(dsn=queue.board.database.jobs_dsn)
    given = Input(now=datetime.now(UTC))
    pages = list(run_retention(settings, REACTION_RETENTION.work, given))
    assert sum(page.counts.emitted for page in pages) == 1
    left = queue.board.rows("SELECT id FROM fanout.dispatches")
    assert sorted(left) == sorted([(young,), (open_,)])
    assert queue.board.rows("SELECT record_id FROM fanout.attempts") == [(str(young),)]
    assert queue.status(ended) == queue.done
