"""``jobs`` and ``job`` as people use them, and what status and doctor say of a late job."""

import json
import os
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess
from typing import Any, Final

import pytest

from pipeline.domain.errors import UsageError
from pipeline.jobs.asked import read_changes
from pipeline.jobs.job import OF_JOBS
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.schedule import Schedule
from pipeline.jobs.table import JOBS
from pipeline.ops.doctor.check import Severity
from pipeline.ops.jobs.read import is_overdue
from pipeline.ops.migrate import migrate
from pipeline.ops.status.read import read_status
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.golden.world import populate
from tests.ops.examination import found
from tests.programs import Program

REMINDERS: Final = MEETING_REMINDERS.name
WATCHES: Final = "renew-calendar-watches"
NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)


CALENDAR: Final = {
    "GOOGLE_CLIENT_ID": "id",
    "GOOGLE_CLIENT_SECRET": "kanarienvogel",
    "CALENDAR_WEBHOOK_URL": "https://app.example.test/hook",
}


def command(dsn: str, *arguments: str, **variables: str) -> CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": dsn, **variables}
    with Program("pipeline", *arguments, environment=environment) as program:
        return program.completed(timeout=60)


def execute(database: Database, statement: str, *parameters: object) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode(), parameters)


def done(database: Database, job: str, ago: str) -> None:
    """Plant a run that succeeded this long ago, after 2 seconds."""
    execute(
        database,
        "INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, state, attempts,"
        " scanned, due, emitted, started_at, finished_at)"
        " SELECT %s, at, at, 'tick', 'done', 1, 40, 3, 3, at, at + interval '2 seconds'"
        " FROM (SELECT now() - %s::interval) AS run (at)",
        job,
        ago,
    )


def begin_long_ago(database: Database) -> None:
    """Let the graph of the jobs have begun a year ago."""
    execute(
        database,
        "INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host)"
        " VALUES ('jobs', now() - interval '1 year', now(), '0', 'here')",
    )


# The database has no reactions, so their jobs do not run.
APPLYING = [name for name, job in JOBS.items() if job.needs == OF_JOBS]


def shown(database: Database, name: str) -> str:
    """What a command shows, without its line breaks."""
    return " ".join(command(database.operator_dsn, name).stdout.split())


def listed(database: Database) -> dict[str, Any]:
    ended = command(database.operator_dsn, "jobs", "--json")
    assert ended.returncode == 0, ended.stderr
    return {job["name"]: job for job in json.loads(ended.stdout)["jobs"]}


def test_every_job_is_listed_with_its_schedule_before_it_has_ever_run(database: Database) -> None:
    jobs = listed(database)
    assert list(jobs) == APPLYING
    job = jobs[WATCHES]
    assert (job["cron"], job["zone"], job["schedule"]) == (
        "0 2 * * *", "UTC", "at 02:00 every day, UTC",
    )  # fmt: skip
    assert job["next_at"].endswith("T02:00:00Z")
    assert (job["last"], job["overdue"], job["paused_by"]) == (None, False, None)


def test_the_last_run_is_listed_with_what_it_came_to(database: Database) -> None:
    done(database, REMINDERS, "1 hour")
    done(database, REMINDERS, "3 minutes")
    job = listed(database)[REMINDERS]
    assert job["last"]["state"] == "done"
    assert job["last"]["seconds"] == 2.0
    assert job["last"]["counts"] == {
        "scanned": 40, "due": 3, "emitted": 3, "skipped": 0, "failed": 0,
    }  # fmt: skip
    screen = shown(database, "jobs")
    assert "every fifth minute of every hour, UTC; next " in screen
    assert ": done in 2.0 s; 40 scanned, 3 due, 3 emitted, 0 skipped, 0 failed" in screen
    assert screen.count("has never run here") == len(APPLYING) - 1
    left_out = "does not run here: the family reactions is not installed"
    assert screen.count(left_out) == len(JOBS) - len(APPLYING)


def test_a_failure_is_listed_with_its_reason_and_the_next_try(database: Database) -> None:
    done(database, REMINDERS, "3 minutes")
    execute(
        database,
        "UPDATE fanout.job_runs SET state = 'waiting', finished_at = NULL, reason = 'no key',"
        " next_attempt_at = '2026-03-02 12:00Z'",
    )
    screen = shown(database, "jobs")
    assert "failed, next try 2026-03-02 12:00:00 UTC; 40 scanned" in screen
    assert screen.count("no key") == 1


def test_a_job_is_paused_and_resumed_as_an_event_type_is(database: Database) -> None:
    paused = command(database.operator_dsn, "pause", REMINDERS, "--reason", "holidays")
    assert paused.returncode == 0, paused.stderr
    assert paused.stdout.splitlines()[1] == (
        "0 runs wait; to resume: python -m pipeline resume meeting-reminders"
    )
    assert listed(database)[REMINDERS]["paused_by"] == "test_operator"
    assert "paused since " in shown(database, "jobs")
    refused = command(database.jobs_dsn, "job", REMINDERS)
    assert (refused.returncode, refused.stderr) == (
        1,
        "pipeline job: meeting-reminders is paused: python -m pipeline resume meeting-reminders\n",
    )
    resumed = command(database.operator_dsn, "resume", REMINDERS)
    assert resumed.stdout == (
        "meeting-reminders is resumed; 0 runs wait, it runs with the next tick\n"
    )


def test_a_run_by_hand_prints_what_it_came_to_and_is_in_the_ledger(database: Database) -> None:
    ended = command(database.jobs_dsn, "job", WATCHES, "--now", "2026-03-02T12:00Z", **CALENDAR)
    assert (ended.returncode, ended.stderr) == (0, "")
    counts = json.loads(ended.stdout.splitlines()[-1])
    assert counts.pop("seconds") >= 0
    assert counts == {"scanned": 0, "due": 0, "emitted": 0, "skipped": 0, "failed": 0}
    job = listed(database)[WATCHES]
    assert (job["last"]["state"], job["last"]["by_hand"]) == ("done", True)
    with database.connect() as connection:
        assert connection.execute("SELECT as_of FROM fanout.job_runs").fetchall() == [(NOON,)]


def test_a_job_emits_its_events_once_and_a_dry_run_shows_them_first(database: Database) -> None:
    with database.connect() as connection:
        populate(connection)
        connection.execute(
            "INSERT INTO meetings (id, title, start_time, end_time, duration_minutes, organizer_id)"
            " SELECT gen_random_uuid(), 'Closing', %s, %s, 60, id FROM profiles LIMIT 1",
            [NOON + timedelta(minutes=30), NOON + timedelta(minutes=90)],
        )
        connection.execute(
            "INSERT INTO meeting_participants (meeting_id, user_id, is_organizer)"
            " SELECT id, organizer_id, true FROM meetings WHERE title = 'Closing'"
        )
        events = "SELECT count(*) FROM domain_events WHERE event_type = 'meeting_reminder'"
        [(before,)] = connection.execute(events.encode()).fetchall()
        for arguments, emitted, objects in ((["--dry-run"], 0, 1), ([], 1, 0), ([], 1, 0)):
            ended = command(
                database.jobs_dsn, "job", REMINDERS, "--now", "2026-03-02T12:00Z", *arguments
            )
            assert (ended.returncode, ended.stderr) == (0, "")
            assert len(ended.stdout.splitlines()) == objects + 1
            [(after,)] = connection.execute(events.encode()).fetchall()
            assert after - before == emitted
        assert json.loads(ended.stdout)["emitted"] == 0


def test_a_run_by_hand_that_fails_is_one_line_and_exit_status_1(database: Database) -> None:
    without = dict.fromkeys(CALENDAR, "")
    ended = command(database.jobs_dsn, "job", WATCHES, **without)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"pipeline job: {WATCHES} failed: not set: GOOGLE_CLIENT_ID")
    assert ended.stderr.count("\n") == 1
    assert json.loads(ended.stdout)["emitted"] == 0
    assert listed(database)[WATCHES]["last"]["state"] == "dead"


def test_a_dry_run_prints_the_same_and_writes_nothing(database: Database) -> None:
    ended = command(database.jobs_dsn, "job", WATCHES, "--dry-run", **CALENDAR)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout.splitlines()[-1])["due"] == 0
    with database.connect() as connection:
        assert connection.execute("SELECT 1 FROM fanout.job_runs").fetchall() == []


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["meeting-remind"], 1, "no job 'meeting-remind': did you mean meeting-reminders?"),
        (["x"], 1, "no job 'x': expected meeting-reminders, unread-thread-nudges"),
        ([REMINDERS, "--set", "lead"], 2, "invalid change 'lead': expected NAME=VALUE"),
        (
            [REMINDERS, "--set", "lead_minute=1"],
            2,
            "meeting-reminders has no parameter 'lead_minute': did you mean lead_minutes?",
        ),
        (
            [REMINDERS, "--set", "lead_minutes=-1"],
            2,
            "invalid lead_minutes '-1': expected a whole number such as 30, at most 1000000",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(
    database: Database, arguments: list[str], status: int, said: str
) -> None:
    refused = command(database.jobs_dsn, "job", *arguments)
    assert (refused.returncode, refused.stdout) == (status, "")
    assert refused.stderr.startswith(f"pipeline job: {said}")
    assert refused.stderr.count("\n") == 1


def test_a_parameter_has_the_type_of_the_declared_one() -> None:
    assert read_changes(MEETING_REMINDERS, ["lead_minutes=15"]) == {"lead_minutes": 15}
    with pytest.raises(UsageError):
        read_changes(JOBS[WATCHES], ["lead_minutes=15"])


def test_doctor_knows_the_rights_of_the_role(database: Database) -> None:
    assert found(database, "jobs rights", database.dsn).severity is Severity.OK
    execute(database, "REVOKE INSERT ON fanout.attempts FROM fanout_jobs")
    finding = found(database, "jobs rights", database.dsn)
    assert (finding.severity, finding.fix) == (
        Severity.FAILED,
        "GRANT INSERT ON fanout.attempts TO fanout_jobs",
    )


@pytest.mark.parametrize("arguments", [["jobs"], ["job", REMINDERS], ["pause", REMINDERS]])
def test_without_the_tables_of_the_jobs_one_line_says_how_to_make_them(
    empty_database: Database, arguments: list[str]
) -> None:
    migrate(empty_database.dsn, reference_schema=True)
    ended = command(empty_database.dsn, *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"pipeline {arguments[0]}: the database lacks the tables of scheduled jobs;"
        " run: python -m pipeline migrate --family jobs\n"
    )
    status = read_status(DatabaseSettings(dsn=empty_database.dsn))
    assert (status.jobs, status.overdue_jobs) == (None, None)
    assert found(empty_database, "jobs", empty_database.dsn).severity is Severity.OK


@pytest.mark.parametrize(
    ("minutes", "overdue"),
    # The instants are every five minutes; it is two minutes past one of them.
    [(1, False), (3, False), (6, False), (7, False), (7.1, True), (60, True)],
)
def test_a_job_is_overdue_when_two_of_its_periods_went_by(minutes: float, overdue: bool) -> None:  # noqa: FBT001
    now = NOON + timedelta(minutes=2)
    since = now - timedelta(minutes=minutes)
    assert is_overdue(Schedule("*/5 * * * *"), since, now) is overdue


def test_a_late_job_shows_in_status_and_doctor_and_a_paused_one_does_not(
    database: Database,
) -> None:
    settings = DatabaseSettings(dsn=database.operator_dsn)
    # Installed just now: nothing can be late yet.
    assert found(database, "jobs").seen == "no job is overdue"
    # The control: nothing is late where no graph of the jobs ever ran.
    assert found(database, "jobs").severity is Severity.OK
    begin_long_ago(database)
    for job in JOBS:
        done(database, job, "3 minutes" if job != REMINDERS else "20 minutes")
    finding = found(database, "jobs")
    assert (finding.severity, finding.seen) == (
        Severity.FAILED,
        "meeting-reminders last succeeded 20 min ago",
    )
    assert finding.fix is not None
    assert "python -m pipeline job meeting-reminders" in finding.fix
    status = read_status(settings)
    assert status.overdue_jobs == 1
    assert status.jobs is not None
    assert [name for name, job in status.jobs.items() if job.overdue] == [REMINDERS]
    late = "meeting-reminders is late: last succeeded 20 min ago"
    assert late in shown(database, "status")
    command(database.operator_dsn, "pause", REMINDERS)
    assert found(database, "jobs").severity is Severity.OK
    assert read_status(settings).overdue_jobs == 0
    assert "6 jobs, none late" in shown(database, "status")


def test_a_run_that_failed_for_good_is_a_warning(database: Database) -> None:
    done(database, REMINDERS, "3 minutes")
    execute(database, "UPDATE fanout.job_runs SET state = 'dead'")
    finding = found(database, "jobs")
    assert (finding.severity, finding.seen) == (
        Severity.WARNING,
        "the last run of meeting-reminders failed for good",
    )
