"""What tests of digests share: e-mails that wait at a fixed time, and runs of the job over them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from pipeline.jobs.job import Counts, Digests, Input, Page
from pipeline.steps.run_digests import run_digests
from tests.golden.world import P1
from tests.jobs.desk import Desk

# Ten in the morning in Los Angeles.
NOW: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
BEFORE: Final = NOW - 20 * MINUTE

_QUEUE: Final = """
    WITH event AS (
        INSERT INTO domain_events (event_type, project_id, payload, created_at)
        SELECT 'document_uploaded', %(project)s, '{}', %(at)s FROM generate_series(1, %(number)s)
        RETURNING id
    )
    INSERT INTO pending_emails (
        user_id, event_id, event_type, delivery_type, project_id, project_name, subject, body_data,
        created_at
    )
    SELECT %(user)s, id, 'document_uploaded', %(delivery)s, %(project)s, 'Tower', 'New document',
        jsonb_build_object('file_name', id || '.pdf'), %(at)s
    FROM event
    ORDER BY id
    RETURNING id
"""


class Made(NamedTuple):
    """One digest."""

    user: UUID
    window: str
    emails: list[int]
    state: str = "pending"


@dataclass
class Post(Desk):
    """A database in which e-mails wait, and the job that makes digests of them."""

    def switch_on(self, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Switch mail on."""
        self.execute("INSERT INTO fanout.channels (channel, since) VALUES ('email', %s)", since)

    def queue(
        self,
        user: UUID,
        *,
        at: datetime = BEFORE,
        number: int = 1,
        delivery: str = "aggregated",
        project: UUID | None = P1,
    ) -> list[int]:
        """Queue e-mails as the fan-out does; return their ids."""
        parameters = {
            "user": user, "at": at, "number": number, "delivery": delivery, "project": project,
        }  # fmt: skip
        with self.database.connect() as connection:
            return [id_ for (id_,) in connection.execute(_QUEUE, parameters)]

    def digest_pages(
        self, *, now: datetime = NOW, most: int = 5_000, dry_run: bool = False
    ) -> list[Page]:
        """Make digests, with the login of the jobs; return the pages."""
        given = Input(now=now, dry_run=dry_run)
        return list(run_digests(self.job_settings, Digests(most=most), given))

    def digest(self, *, now: datetime = NOW, most: int = 5_000, dry_run: bool = False) -> Counts:
        """Make digests; return what all pages came to."""
        pages = self.digest_pages(now=now, most=most, dry_run=dry_run)
        return sum((page.counts for page in pages), Counts())

    def digests(self) -> list[Made]:
        """Every digest, by its window and person."""
        return [
            Made(*row)
            for row in self.rows(
                "SELECT user_id, substr(cause, 8), array_agg(email_id ORDER BY email_id)"
                " FILTER (WHERE email_id IS NOT NULL), state"
                " FROM fanout.deliveries LEFT JOIN fanout.digest_rows ON delivery_id = id"
                " WHERE source = 'digest_rows' GROUP BY id ORDER BY cause, user_id"
            )
        ]

    def statuses(self) -> dict[int, str]:
        """The status of every e-mail."""
        return dict(self.rows("SELECT id, status FROM pending_emails ORDER BY id"))

    def end_digests(self, state: str = "done") -> None:
        """End all digests that are under way, as if they had been sent."""
        self.execute(
            "UPDATE fanout.deliveries SET state = %s, lease_token = NULL, finished_at = now()"
            " WHERE source = 'digest_rows' AND finished_at IS NULL",
            state,
        )


def queue_for_many(connection: psycopg.Connection[Any], people: int, each: int) -> None:
    """Queue e-mails for people who have nothing else; the ids of the people are their numbers."""
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(
            """
            SET session_replication_role = replica;
            INSERT INTO auth.users (id)
            SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, %(people)s) AS n;
            INSERT INTO profiles (id, email, app_role)
            SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@crowd.test', 'borrower'
            FROM generate_series(1, %(people)s) AS n;
            INSERT INTO pending_emails (
                user_id, event_id, event_type, delivery_type, subject, body_data, created_at
            )
            SELECT lpad(to_hex(n), 32, '0')::uuid, n * %(each)s + m, 'document_uploaded',
                'aggregated', 'New document', '{}', %(at)s
            FROM generate_series(1, %(people)s) AS n, generate_series(0, %(each)s - 1) AS m
            ORDER BY n, m;
            RESET session_replication_role;
            """,
            {"people": people, "each": each, "at": BEFORE},
        )
