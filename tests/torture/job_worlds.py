"""Worlds in which scheduled jobs have work to do, each with an oracle for its end."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.crowd import NOW, crowd
from pipeline.jobs.digests import DIGESTS
from pipeline.jobs.job import Digests, Job, Pages
from pipeline.jobs.renew_calendar_watches import RENEW_CALENDAR_WATCHES
from pipeline.jobs.retention import RETENTION
from pipeline.jobs.tick import Tick
from tests.databases import Database
from tests.deadline import wait_until
from tests.jobs.calendars import Calendars, calendars_in
from tests.jobs.desk import JOBS, Desk
from tests.jobs.kept import Kept
from tests.jobs.post import Post, queue_for_many
from tests.steps.runs import run_tick
from tests.torture.job_lives import JobLife
from tests.torture.job_worker import Death, JobPlace
from tests.torture.lives import START_SECONDS
from tests.torture.oracle import Audit

NUMBER: Final = 60
PAGE: Final = 15
EACH: Final = 3
ROWS: Final = 1_500
UNFINISHED: Final = ROWS + 7
CONNECTIONS: Final = 3

# Everything that the jobs have written. What the crowd was told long ago stays.
_RESET: Final = """
    TRUNCATE fanout.attempts, fanout.job_runs;
    DELETE FROM unread_thread_stale_log WHERE latest_message_at > '2021-01-01';
    DELETE FROM domain_events;
    DELETE FROM fanout.meeting_reminders WHERE start_time > '2021-01-01';
    DELETE FROM meeting_reminders_sent WHERE sent_at > '2021-01-01';
    DELETE FROM fanout.thread_nudges WHERE latest_message_at > '2021-01-01';
    DELETE FROM fanout.resume_nudges WHERE anchor > '2021-01-01';
"""
_AT_WORK: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = 'test_jobs' AND state <> 'idle'"
)
# A retry may wait for minutes, and a lease ends after two.
_END_LEASES: Final = "UPDATE fanout.job_runs SET next_attempt_at = now() - interval '1 second'"
_OPEN: Final = "SELECT count(*) FROM fanout.job_runs WHERE state NOT IN ('done', 'cancelled')"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorld:
    """A job over a database.

    Attributes:
        owner: a connection as the owner of everything.
        reset: puts the world back to where there is work to do; returns how much.
        pass_time: lets leases, pauses and claims be over.
        audit: compares the world with what a single honest run leaves. In: how much work there was.
    """

    place: JobPlace
    owner: psycopg.Connection[Any]
    reset: Callable[[], int]
    audit: Callable[[int], Audit]
    pass_time: Callable[[], None]

    def live(self, death: Death | None = None, *, again: int = 0) -> JobLife:
        """Start a life."""
        return JobLife(replace(self.place, again=again), death)

    def settle(self) -> None:
        """Deliver the tick again until the run is done; then no process is at work any more."""

        def is_done() -> bool:
            self.pass_time()
            run_tick(self.place.runner, self.place.job, self.place.tick)
            return self._number(_OPEN) == 0

        wait_until(is_done, seconds=START_SECONDS, what="the run is done")
        # The server goes on with the statement of a client that is dead.
        wait_until(
            lambda: self._number(_AT_WORK) == 0, seconds=START_SECONDS, what="nobody is at work"
        )

    def _number(self, statement: str) -> int:
        row = self.owner.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def world_of(job: Job, database: Database, log: Path) -> Iterator[JobWorld]:
    """A world in which this job has work to do."""
    with ExitStack() as stack:
        if job is RENEW_CALENDAR_WATCHES:
            yield _calendars(stack.enter_context(calendars_in(database)), log)
            return
        owner = stack.enter_context(database.connect())
        if job is RETENTION:
            yield _retention(Kept(database, owner), owner, log)
        elif job is DIGESTS:
            queue_for_many(owner, NUMBER, EACH)
            yield _digests(Post(database), owner, log)
        else:
            crowd(owner, NUMBER)
            yield _emitting(job, Desk(database), owner, log)


def _emitting(job: Job, desk: Desk, owner: psycopg.Connection[Any], log: Path) -> JobWorld:
    assert isinstance(job.work, Pages)
    small = replace(job, work=replace(job.work, most=PAGE))

    def reset() -> int:
        owner.execute(_RESET)
        due = desk.run(job, dry_run=True)
        return due.due - due.skipped

    def audit(expected: int) -> Audit:
        events = Counter(map(str, desk.emitted()))
        return _audit(expected, lost=expected - len(events), repeated=events.total() - len(events))

    return JobWorld(
        place=_place(desk.database, log, small, NOW),
        owner=owner,
        reset=reset,
        audit=audit,
        pass_time=lambda: _execute(owner, _END_LEASES),
    )


def _digests(post: Post, owner: psycopg.Connection[Any], log: Path) -> JobWorld:
    small = replace(DIGESTS, work=Digests(most=PAGE))
    post.switch_on()

    def reset() -> int:
        owner.execute("TRUNCATE fanout.deliveries, fanout.job_runs, fanout.attempts CASCADE")
        owner.execute("UPDATE pending_emails SET status = 'pending'")
        return NUMBER * EACH

    def audit(expected: int) -> Audit:
        digests = post.digests()
        told = Counter(email for made in digests for email in made.emails or [])
        taken = {email for email, status in post.statuses().items() if status == "processing"}
        return _audit(
            expected,
            # An e-mail that is in no digest, or that a digest tells without having taken it.
            lost=expected - len(told.keys() & taken),
            # A second or an empty digest, or an e-mail that is taken for none.
            repeated=len(digests) - NUMBER + told.total() - len(told) + len(taken - told.keys()),
        )

    return JobWorld(
        place=_place(post.database, log, small, NOW),
        owner=owner,
        reset=reset,
        audit=audit,
        pass_time=lambda: _execute(owner, _END_LEASES),
    )


def _retention(kept: Kept, owner: psycopg.Connection[Any], log: Path) -> JobWorld:
    def reset() -> int:
        owner.execute(
            "TRUNCATE domain_events, fanout.retention_marks, fanout.job_runs,"
            " fanout.attempts CASCADE"
        )
        kept.insert_many(ROWS)
        kept.insert(UNFINISHED, state=None)
        return ROWS

    def audit(expected: int) -> Audit:
        return _audit(
            expected,
            # An event that catch-up does not find any more, or one that it takes once more.
            lost=len({UNFINISHED} - set(kept.unfinished())) + len(kept.ledger()),
            repeated=len(set(kept.unfinished()) - {UNFINISHED}),
        )

    return JobWorld(
        place=_place(kept.database, log, RETENTION, datetime.now(UTC)),
        owner=owner,
        reset=reset,
        audit=audit,
        pass_time=lambda: _execute(owner, _END_LEASES),
    )


def _calendars(calendars: Calendars, log: Path) -> JobWorld:
    server = calendars.server

    def reset() -> int:
        calendars.owner.execute(
            "TRUNCATE calendar_connections, fanout.calendar_channels, fanout.job_runs,"
            " fanout.attempts"
        )
        server.channels.clear()
        for number in range(CONNECTIONS):
            # One of them has to be refreshed first.
            calendars.connect(**({"token_expires_at": None} if number == 1 else {}))
        return CONNECTIONS

    def pass_time() -> None:
        calendars.owner.execute(_END_LEASES)
        calendars.end_claims()

    def audit(expected: int) -> Audit:
        # Channels that a dead process has left are stopped by the next run.
        pass_time()
        calendars.run()
        rows = calendars.owner.execute("SELECT watch_channel_id FROM calendar_connections")
        saved = {name for (name,) in rows if not name.startswith("old-")}
        alive = set(server.channels)
        return _audit(expected, lost=expected - len(saved & alive), repeated=len(alive - saved))

    place = _place(calendars.database, log, RENEW_CALENDAR_WATCHES, NOW)
    return JobWorld(
        place=replace(place, calendar=calendars.settings),
        owner=calendars.owner,
        reset=reset,
        audit=audit,
        pass_time=pass_time,
    )


def _place(database: Database, log: Path, job: Job, at: datetime) -> JobPlace:
    return JobPlace(
        dsn=database.jobs_dsn, log=log, job=job, tick=Tick(job=job.name, scheduled_for=at)
    )


def _execute(owner: psycopg.Connection[Any], statement: str) -> None:
    owner.execute(statement.encode())


def _audit(expected: int, *, lost: int, repeated: int) -> Audit:
    return Audit(
        events=expected,
        effects=expected,
        lost_events=0,
        lost=lost,
        duplicated=repeated,
        misjudged=0,
        dead_letters=0,
    )


TORTURED: Final = (*JOBS, DIGESTS, RETENTION, RENEW_CALENDAR_WATCHES)
