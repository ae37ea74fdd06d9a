"""A world at a fixed time, and runs over it of the jobs that emit events."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from pipeline.jobs.job import Counts, Input, Job, Page, Pages
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.resume_incomplete_nudges import RESUME_INCOMPLETE_NUDGES
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES
from pipeline.settings import DatabaseSettings
from pipeline.steps.run_pages import run_pages
from tests.golden.stage import Stage
from tests.golden.world import P1

NOW: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
LONG_AGO: Final = NOW - 400 * DAY


class Emitted(NamedTuple):
    """One row of domain_events, without its id and time."""

    event_type: str
    actor: UUID | None
    project: UUID | None
    thread: UUID | None
    meeting: UUID | None
    payload: dict[str, Any]


@dataclass
class Desk(Stage):
    """A database in which time passes: jobs run over it, and the graph of the fan-out."""

    @property
    def job_settings(self) -> DatabaseSettings:
        """The database, in the role of the jobs."""
        return DatabaseSettings(dsn=self.database.jobs_dsn)

    def pages(
        self,
        job: Job,
        *,
        now: datetime = NOW,
        most: int | None = None,
        dry_run: bool = False,
        **changed: object,
    ) -> list[Page]:
        """Run a job to its end."""
        return list(
            run_pages(
                self.job_settings,
                pages_of(job, most=most),
                Input(now=now, dry_run=dry_run, changed=changed),
            )
        )

    def run(
        self,
        job: Job,
        *,
        now: datetime = NOW,
        most: int | None = None,
        dry_run: bool = False,
        **changed: object,
    ) -> Counts:
        """Run a job to its end. Return the sum of all pages."""
        pages = self.pages(job, now=now, most=most, dry_run=dry_run, **changed)
        return sum((page.counts for page in pages), Counts())

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - of the tests

    def emitted(self) -> list[Emitted]:
        """Every event, by id."""
        return [
            Emitted(*row)
            for row in self.rows(
                "SELECT event_type, actor_id, project_id, thread_id, meeting_id, payload"
                " FROM domain_events ORDER BY id"
            )
        ]

    def meet(self, start: datetime, *people: UUID, status: str = "scheduled") -> UUID:
        """Insert a meeting of the project; the first of the people is the organizer."""
        meeting = uuid4()
        self.execute(
            "INSERT INTO meetings (id, title, start_time, end_time, duration_minutes, meeting_link,"
            " organizer_id, project_id, status)"
            " VALUES (%s, 'Kick', %s, %s, 60, 'http://m', %s, %s, %s)",
            meeting, start, start + HOUR, people[0], P1, status,
        )  # fmt: skip
        for person in people:
            self.execute(
                "INSERT INTO meeting_participants (meeting_id, user_id, is_organizer)"
                " VALUES (%s, %s, %s)",
                meeting, person, person == people[0],
            )  # fmt: skip
        return meeting

    def say(self, thread: UUID, author: UUID, at: datetime) -> None:
        """Insert a message."""
        self.execute(
            "INSERT INTO project_messages (thread_id, user_id, content, created_at)"
            " VALUES (%s, %s, 'hi', %s)",
            thread, author, at,
        )  # fmt: skip

    def read(
        self, thread: UUID, person: UUID, at: datetime | str, *, joined: datetime = LONG_AGO
    ) -> None:
        """Set up to when a participant has read, and since when they take part."""
        self.execute(
            "UPDATE chat_thread_participants SET last_read_at = %s, created_at = %s"
            " WHERE thread_id = %s AND user_id = %s",
            at, joined, thread, person,
        )  # fmt: skip


def pages_of(job: Job, *, most: int | None = None) -> Pages:
    """The work of a job that is a statement; with smaller pages, where a test wants them."""
    assert isinstance(job.work, Pages)
    return Pages(
        statement=job.work.statement,
        parameters=job.work.parameters,
        most=most or job.work.most,
    )


# Those that emit events.
JOBS: Final = (MEETING_REMINDERS, UNREAD_THREAD_NUDGES, RESUME_INCOMPLETE_NUDGES)
