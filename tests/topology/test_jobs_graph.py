"""The graph of the jobs as a process: ticks in, runs and events out, whatever is killed."""

import json
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from pipeline.domain.message import Message
from pipeline.jobs.job import OF_JOBS
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.message import look_message, tick_message
from pipeline.jobs.table import JOBS
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES
from tests.deadline import wait_until
from tests.golden.world import U1, U2
from tests.jobs.desk import Desk
from tests.streams import TOPIC, Broker, Stream
from tests.topology.held_up import wait_until_a_write_is_held_up, wait_until_it_heard

REMINDERS = MEETING_REMINDERS.name
NUDGES = UNREAD_THREAD_NUDGES.name
FIVE = timedelta(minutes=5)
Run = tuple[str, str]


def stream_of(
    desk: Desk, events: Broker, log: Path, *flags: str, module: str = "pipeline"
) -> Stream:
    """The graph of the jobs, not started yet."""
    return Stream(events, desk.database.jobs_dsn, log, "--graph", "jobs", *flags, module=module)


@pytest.fixture
def stream(desk: Desk, events: Broker, tmp_path: Path) -> Stream:
    return stream_of(desk, events, tmp_path / "log")


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=20)


def last() -> datetime:
    return MEETING_REMINDERS.schedule.last(datetime.now(UTC))


def runs(desk: Desk) -> list[Run]:
    """Every run, in the order of their instants: the job and the state."""
    return desk.rows("SELECT job, state FROM fanout.job_runs ORDER BY scheduled_for, job")


def wait_for(desk: Desk, expected: Sequence[Run]) -> None:
    wait_until(lambda: runs(desk) == list(expected), seconds=30, what=f"the runs are {expected}")


def reminded(desk: Desk) -> list[tuple[UUID, UUID]]:
    """Whom each event of a reminder is about, and of which meeting."""
    return sorted(
        (each.meeting, UUID(each.payload["user_id"]))
        for each in desk.emitted()
        if each.event_type == "meeting_reminder" and each.meeting is not None
    )


def test_a_tick_leads_to_a_run_and_to_events(desk: Desk, events: Broker, stream: Stream) -> None:
    meeting = desk.meet(soon(), U1, U2)
    events.publish([tick_message(REMINDERS)])
    with stream:
        wait_for(desk, [(REMINDERS, "done")])
        assert stream.stop() == 0
    assert {person for _, person in reminded(desk)} <= {U1, U2}
    assert {each for each, _ in reminded(desk)} == {meeting}
    ((scheduled_for, requested_by, emitted),) = desk.rows(
        "SELECT scheduled_for, requested_by, emitted FROM fanout.job_runs"
    )
    assert (requested_by, emitted) == ("tick", len(reminded(desk)))
    # Without an instant of its own, the tick is of the last one before it was published.
    assert scheduled_for in (last(), last() - FIVE)
    assert re.search(rf"{REMINDERS}@\S+ is done: \d+ due, {emitted} emitted, ", stream.log)
    assert "1 acknowledged, 0 given back" in stream.log
    assert desk.rows("SELECT graph FROM fanout.graphs") == [("jobs",)]


def test_late_ticks_are_one_run(desk: Desk, events: Broker, stream: Stream) -> None:
    at = last()
    events.publish([tick_message(REMINDERS, at - late * FIVE) for late in (2, 0, 1)])
    with stream:
        wait_for(desk, [(REMINDERS, state) for state in ("cancelled", "cancelled", "done")])


def test_a_tick_that_is_delivered_again_does_nothing(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    desk.meet(soon(), U1, U2)
    tick = tick_message(REMINDERS, last())
    events.publish([tick])
    with stream:
        wait_for(desk, [(REMINDERS, "done")])
        before = reminded(desk)
        events.publish([tick, tick, look_message(REMINDERS), tick_message(NUDGES, last())])
        wait_for(desk, [(REMINDERS, "done"), (NUDGES, "done")])
        wait_until(events.is_drained, seconds=20, what="all are acknowledged")
        assert stream.stop() == 0
    assert reminded(desk) == before
    assert desk.rows("SELECT number, result FROM fanout.attempts") == [(1, "done")] * 2


CANARY = "canary-7f3a"


def test_a_message_that_is_no_tick_is_a_dead_letter_and_its_neighbours_run(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    wrong = [
        Message(b"", {"id": "1", "note": CANARY}),
        Message(b"", {"job": CANARY}),
        Message(b"", {"job": REMINDERS, "scheduled_for": CANARY}),
        Message(b"", {"job": REMINDERS, "scheduled_for": "9999-01-01T00:00:00Z"}),
    ]
    events.publish([*wrong, tick_message(REMINDERS, last())])
    with stream:
        wait_for(desk, [(REMINDERS, "done")])
        count = "SELECT count(*) FROM event_dead_letters"
        wait_until(lambda: desk.rows(count) == [(4,)], seconds=20, what="the letters are written")
        assert stream.stop() == 0
    letters = desk.rows(
        "SELECT event_id, stage, error_class, message, attributes FROM event_dead_letters"
        " ORDER BY message"
    )
    assert {row[:3] for row in letters} == {(None, "sort_ticks", "InvalidTick")}
    reasons = [row[3] for row in letters]
    assert reasons[0] == "the attribute 'job' is missing"
    assert reasons[1].startswith("the attribute 'job' names no job: expected meeting-reminders, ")
    assert reasons[2] == reasons[3]
    assert reasons[2].startswith("the attribute 'scheduled_for' is invalid: expected a time with")
    assert sorted(map(str, (row[4] for row in letters))) == sorted(
        str(each.attributes) for each in wrong
    )
    published = events.dead_letters()
    assert len(published) == 4
    assert CANARY not in f"{stream.log} {reasons} {published}"


def test_a_run_that_waits_is_taken_without_a_tick(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    with stream:
        desk.execute("ALTER TABLE meetings RENAME TO elsewhere")
        events.publish([tick_message(REMINDERS, last())])
        wait_for(desk, [(REMINDERS, "waiting")])
        desk.execute("ALTER TABLE elsewhere RENAME TO meetings")
        desk.execute("UPDATE fanout.job_runs SET next_attempt_at = now()")
        wait_for(desk, [(REMINDERS, "done")])
        assert stream.stop() == 0


@contextmanager
def locked(desk: Desk, table: str) -> Iterator[None]:
    """Hold a lock that a job has to wait for."""
    with psycopg.connect(desk.database.dsn) as holder:
        holder.execute(f"LOCK TABLE {table}".encode())
        yield


def waits(desk: Desk, table: str) -> bool:
    found = desk.rows("SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted", table)
    return bool(found)


def test_a_run_that_takes_long_holds_up_no_other_job_and_loses_no_message(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    with stream:
        with locked(desk, "meeting_participants"):
            events.publish([tick_message(REMINDERS, last())])
            wait_until(
                lambda: waits(desk, "meeting_participants"), seconds=30, what="the run waits"
            )
            events.publish([tick_message(NUDGES, last())])
            wait_for(desk, [(REMINDERS, "leased"), (NUDGES, "done")])
            # Both are in the ledger, so neither message is needed any more.
            wait_until(events.is_drained, seconds=20, what="both are acknowledged")
        wait_for(desk, [(REMINDERS, "done"), (NUDGES, "done")])
        assert stream.stop() == 0
    assert "2 acknowledged, 0 given back" in stream.log


def test_a_dry_run_prints_what_a_tick_would_do_and_writes_nothing(
    desk: Desk, events: Broker, tmp_path: Path
) -> None:
    desk.meet(soon(), U1, U2)
    events.publish([tick_message(REMINDERS, last()), tick_message("canary")])
    topic = ("--tick-topic", TOPIC)
    with stream_of(desk, events, tmp_path / "log", "--dry-run", *topic) as stream:
        wait_until(lambda: '"scanned"' in stream.output, seconds=30, what="it is printed")
        assert stream.stop() == 0
    printed = [json.loads(line) for line in stream.output.splitlines()]
    assert {row["job"] for row in printed if "job" in row} == {REMINDERS}
    assert [row for row in printed if "would_emit" in row]
    assert [row["reason"][:11] for row in printed if row.get("status") == "dead"] == ["InvalidTick"]
    assert "0 acknowledged, 2 given back" in stream.log
    for table in ("fanout.job_runs", "fanout.graphs", "domain_events", "event_dead_letters"):
        assert desk.count(table) == 0, table


def test_with_a_topic_it_ticks_by_itself(desk: Desk, events: Broker, tmp_path: Path) -> None:
    meeting = desk.meet(soon(), U1, U2)
    with stream_of(desk, events, tmp_path / "log", "--tick-topic", TOPIC) as stream:
        wait_until(
            lambda: {job for job, _ in runs(desk)} == APPLYING, seconds=30, what="each job runs"
        )
        wait_until(lambda: reminded(desk), seconds=30, what="people are reminded")
        assert stream.stop() == 0
    assert {each for each, _ in reminded(desk)} == {meeting}


# The database has no reactions, so their jobs do not run.
APPLYING = {name for name, job in JOBS.items() if job.needs == OF_JOBS}
MEETINGS = 12_000
# What a killed run has done is forgotten: its keys, and where it was.
FORGET = (
    "DELETE FROM fanout.meeting_reminders",
    "DELETE FROM meeting_reminders_sent",
    "UPDATE fanout.job_runs SET cursor = NULL",
)


def meet_often(desk: Desk) -> UUID:
    """Insert meetings for some pages of a run; return one in the middle of the second page."""
    desk.execute(
        "WITH meeting AS ("
        " INSERT INTO meetings (title, start_time, end_time, duration_minutes, organizer_id,"
        " project_id, status)"
        " SELECT 'Kick', at, at + interval '1 hour', 60, %s, project, 'scheduled'"
        " FROM (SELECT id FROM projects) AS one (project), generate_series(1, %s) AS number,"
        " LATERAL (SELECT now() + interval '20 minutes' + number * interval '1 millisecond')"
        " AS moment (at) RETURNING id)"
        " INSERT INTO meeting_participants (meeting_id, user_id) SELECT id, %s FROM meeting",
        *(U1, MEETINGS, U2),
    )
    ((meeting,),) = desk.rows(
        "SELECT id FROM meetings WHERE title = 'Kick' ORDER BY start_time OFFSET 7500 LIMIT 1"
    )
    return UUID(str(meeting))


def kill_in_the_second_page(desk: Desk, events: Broker, stream: Stream, *after: str) -> None:
    """Kill the process while a page waits for a lock, and let another one finish the run."""
    meeting = meet_often(desk)
    key = "INSERT INTO fanout.meeting_reminders SELECT %s, %s, start_time, 30 FROM meetings m"
    events.publish([tick_message(REMINDERS, last())])
    with psycopg.connect(desk.database.dsn) as holder:
        holder.execute(f"{key} WHERE id = %s".encode(), [meeting, U2, meeting])
        with stream:
            wait_until_a_write_is_held_up(desk)
            stream.kill()
        # Postgres may finish the statement of a client that is gone, when the lock is.
        holder.rollback()
    at_work = "SELECT FROM pg_stat_activity WHERE usename = 'test_jobs' AND state <> 'idle'"
    wait_until(lambda: not desk.rows(at_work), seconds=30, what="nothing is at work any more")
    for statement in ("UPDATE fanout.job_runs SET next_attempt_at = now()", *after):
        desk.execute(statement)
    events.emulator.end_leases()
    with stream:
        wait_until(lambda: runs(desk) == [(REMINDERS, "done")], seconds=60, what="the run is done")
        assert stream.stop() == 0
    tries = desk.rows("SELECT number, result FROM fanout.attempts ORDER BY number")
    assert tries == [(1, "lost"), (2, "done")]


def test_a_run_that_is_killed_goes_on_at_its_cursor_and_each_event_comes_once(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    kill_in_the_second_page(desk, events, stream)
    once = [meeting for meeting, _ in reminded(desk)]
    assert len(once) == len(set(once)) == MEETINGS
    # The first page was not looked at again.
    assert desk.rows("SELECT scanned FROM fanout.job_runs") == [(MEETINGS,)]


def test_control_events_that_come_twice_are_found(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    kill_in_the_second_page(desk, events, stream, *FORGET)
    found = [meeting for meeting, _ in reminded(desk)]
    assert len(set(found)) == MEETINGS
    assert len(found) > MEETINGS


def test_a_stop_in_the_middle_gives_the_run_back_for_another_worker_to_take_at_once(
    desk: Desk, events: Broker, stream: Stream
) -> None:
    meeting = meet_often(desk)
    events.publish([tick_message(REMINDERS, last())])
    with psycopg.connect(desk.database.dsn) as holder, stream:
        holder.execute(
            b"INSERT INTO fanout.meeting_reminders SELECT %s, %s, start_time, 30 FROM meetings"
            b" WHERE id = %s",
            [meeting, U2, meeting],
        )
        wait_until_a_write_is_held_up(desk)
        stream.process.send_signal(signal.SIGTERM)
        # Else the third page could begin before the stop.
        wait_until_it_heard(stream.process.pid)
        holder.rollback()
        assert stream.process.wait(timeout=10) == 0
    assert runs(desk) == [(REMINDERS, "waiting")]
    ((due, attempt),) = desk.rows(
        "SELECT next_attempt_at <= now(), cursor IS NOT NULL FROM fanout.job_runs"
    )
    assert (due, attempt) == (True, True)
    with stream:
        wait_for(desk, [(REMINDERS, "done")])
        assert stream.stop() == 0
    assert len(reminded(desk)) == MEETINGS
