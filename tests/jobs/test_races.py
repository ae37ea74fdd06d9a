"""Two runners at once, deletions meanwhile, and kills anywhere: each event once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest

from bench.crowd import crowd
from pipeline.clients.postgres.sql import load
from pipeline.jobs.job import Input, Job
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.steps.run_pages import run_pages
from tests.deadline import wait_until
from tests.jobs.desk import JOBS, NOW, Desk, pages_of

NUMBER: Final = 60
PAGE: Final = 15
LOCK: Final = 13

# An insert into the table waits while a test holds the lock.
_WAIT: Final = f"""
    CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({LOCK});
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER wait_for_the_test BEFORE INSERT ON %s
    FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
"""
# A row of the table that a kill interrupts; each job writes its key, then events, then a record.
PLACES: Final = {
    "meeting-reminders": ("fanout.meeting_reminders", "domain_events", "meeting_reminders_sent"),
    "unread-thread-nudges": ("fanout.thread_nudges", "domain_events", "unread_thread_stale_log"),
    "resume-incomplete-nudges": ("fanout.resume_nudges", "domain_events"),
}
KILLS: Final = [(job, place) for job in JOBS for place in PLACES[job.name]]


@pytest.fixture
def crowded(database: Any) -> Desk:  # noqa: ANN401 - the fixture of the database
    with database.connect() as connection:
        crowd(connection, NUMBER)
        # They are no matter of these tests.
        connection.execute("DELETE FROM domain_events")
    return Desk(database)


def expected(desk: Desk, job: Job) -> int:
    """How many events there are to emit."""
    due = desk.run(job, dry_run=True)
    assert due.due - due.skipped > PAGE
    return due.due - due.skipped


def events(desk: Desk) -> Counter[str]:
    """How often each event was emitted, by what makes it one."""
    return Counter(
        str((each.event_type, each.project, each.thread, each.meeting, each.payload))
        for each in desk.emitted()
    )


def assert_each_once(desk: Desk, number: int) -> None:
    found = events(desk)
    assert [each for each, times in found.items() if times > 1] == []
    assert len(found) == number


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_two_runners_at_once_emit_each_event_once(crowded: Desk, job: Job) -> None:
    number, barrier = expected(crowded, job), threading.Barrier(2, timeout=60)

    def run() -> int:
        emitted = 0
        pages = run_pages(crowded.job_settings, pages_of(job, most=PAGE), Input(now=NOW))
        while True:
            barrier.wait()
            page = next(pages, None)
            if page is None:
                return emitted
            emitted += page.counts.emitted

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(run) for _ in range(2)]
        assert sum(each.result() for each in both) == number
    assert_each_once(crowded, number)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_a_runner_that_is_stopped_between_any_two_pages_loses_and_repeats_nothing(
    crowded: Desk, job: Job
) -> None:
    number = expected(crowded, job)
    after, pages = None, 0
    while True:
        # Each page by a runner of its own, that is gone after it; its first page is done twice.
        given = Input(now=NOW, after=after)
        page = next(run_pages(crowded.job_settings, pages_of(job, most=PAGE), given))
        again = next(run_pages(crowded.job_settings, pages_of(job, most=PAGE), given))
        assert (again.cursor, again.counts.emitted) == (page.cursor, 0)
        after, pages = page.cursor, pages + 1
        if after is None:
            break
    assert pages > 2
    assert_each_once(crowded, number)


@contextmanager
def held_up(
    desk: Desk, place: str, work: Callable[[], object]
) -> Iterator[tuple[int, Future[Any]]]:
    """Work that is in the middle of an insert: the process of its backend, and its result."""
    desk.execute(_WAIT % place)
    with desk.database.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        result = pool.submit(work)
        try:
            wait_until(lambda: waiting(desk), seconds=30, what="the page waits for the test")
            yield waiting(desk)[0], result
        finally:
            holder.execute("SELECT pg_advisory_unlock_all()")


def waiting(desk: Desk) -> list[int]:
    rows = desk.rows(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return [pid for (pid,) in rows]


def kill(desk: Desk, backend: int) -> None:
    desk.execute("SELECT pg_terminate_backend(%s)", backend)


@pytest.mark.parametrize(("job", "place"), KILLS, ids=lambda each: getattr(each, "name", each))
def test_a_page_that_is_killed_in_its_middle_is_as_if_it_had_not_been(
    crowded: Desk, job: Job, place: str
) -> None:
    number = expected(crowded, job)
    work = pages_of(job, most=PAGE)
    done = next(run_pages(crowded.job_settings, work, Input(now=NOW)))
    parameters = {**work.parameters, "now": NOW, "after": None, "most": 5_000, "dry_run": False}

    def page_without_a_second_try() -> None:
        with psycopg.connect(crowded.database.jobs_dsn, autocommit=True) as connection:
            connection.execute(load("pipeline.jobs", work.statement), parameters)

    with held_up(crowded, place, page_without_a_second_try) as (backend, result):
        kill(crowded, backend)
        with pytest.raises(psycopg.OperationalError):
            result.result(timeout=60)
    assert sum(events(crowded).values()) == done.counts.emitted
    crowded.run(job, most=PAGE)
    assert_each_once(crowded, number)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_a_runner_that_goes_on_after_a_cut_emits_each_event_once(crowded: Desk, job: Job) -> None:
    number = expected(crowded, job)
    with held_up(crowded, "domain_events", lambda: crowded.run(job, most=PAGE)) as (
        backend,
        result,
    ):
        kill(crowded, backend)
    result.result(timeout=60)
    assert_each_once(crowded, number)


KEYS: Final = (
    "INSERT INTO fanout.meeting_reminders (meeting_id, user_id, start_time, lead_minutes)"
    " SELECT meeting_id, user_id, start_time, 30 FROM due"
)
EVENTS: Final = (
    "INSERT INTO domain_events (event_type, meeting_id, actor_id, payload)"
    " SELECT 'meeting_reminder', meeting_id, user_id, '{}' FROM due"
)


@pytest.mark.parametrize(
    ("steps", "difference"), [((KEYS, EVENTS), -1), ((EVENTS, KEYS), 1)], ids=["loses", "repeats"]
)
def test_control_key_and_event_in_two_transactions_would_be_caught(
    crowded: Desk, steps: tuple[str, str], difference: int
) -> None:
    number = expected(crowded, MEETING_REMINDERS)
    crowded.execute(
        "CREATE TABLE due AS SELECT meetings.id AS meeting_id, user_id, start_time FROM meetings"
        " JOIN meeting_participants ON meeting_id = meetings.id WHERE start_time > %s"
        " AND start_time <= %s + interval '30 minutes' LIMIT 1",
        NOW, NOW,
    )  # fmt: skip

    def in_two_transactions() -> None:
        for step in steps:
            crowded.execute(step)

    second = PLACES[MEETING_REMINDERS.name][1 if steps[1] == EVENTS else 0]
    with held_up(crowded, second, in_two_transactions) as (backend, result):
        kill(crowded, backend)
        with pytest.raises(psycopg.OperationalError):
            result.result(timeout=60)
    crowded.run(MEETING_REMINDERS)
    assert sum(events(crowded).values()) == number + difference
    with pytest.raises(AssertionError):
        assert_each_once(crowded, number)


def test_control_two_runners_that_look_before_they_write_would_be_caught(crowded: Desk) -> None:
    number, barrier = expected(crowded, MEETING_REMINDERS), threading.Barrier(2, timeout=60)

    def run() -> None:
        (page,) = crowded.pages(MEETING_REMINDERS, dry_run=True)
        barrier.wait()
        for each in page.preview:
            crowded.execute(
                "INSERT INTO domain_events (event_type, payload) VALUES ('meeting_reminder', %s)",
                psycopg.types.json.Jsonb(each),
            )

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(run) for _ in range(2)]:
            each.result()
    assert sum(events(crowded).values()) == 2 * number
    with pytest.raises(AssertionError):
        assert_each_once(crowded, number)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_what_is_deleted_while_a_page_runs_costs_nobody_else_theirs(
    crowded: Desk, job: Job
) -> None:
    number = expected(crowded, job)
    gone, column = {
        "meeting-reminders": ("meetings", "meeting_id"),
        "unread-thread-nudges": ("chat_threads", "thread_id"),
        "resume-incomplete-nudges": ("projects", "project_id"),
    }[job.name]
    shown = [each for each in crowded.pages(job, dry_run=True)[0].preview if each["would_notify"]]
    key = shown[0][column]
    left = [each for each in shown if each[column] != key]
    with ThreadPoolExecutor(1) as pool, crowded.database.connect() as other:
        with other.transaction():
            other.execute(f"DELETE FROM {gone} WHERE id = %s".encode(), [key])  # noqa: S608 - as above
            result = pool.submit(crowded.run, job)
            # For the row that the event refers to.
            wait_until(lambda: waiting(crowded), seconds=30, what="the page waits for the deletion")
        result.result(timeout=60)
    assert len(left) < number
    assert_each_once(crowded, len(left))
