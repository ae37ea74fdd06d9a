"""How Postgres does a page of a job where there are many rows: never by reading them all."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from bench.crowd import crowd
from pipeline.clients.postgres.sql import load
from pipeline.jobs.job import Job
from tests.databases import Database, Databases
from tests.jobs.desk import JOBS, NOW, pages_of
from tests.plans import Plan, explaining_cursor, used

NUMBER: Final = 20_000
LARGE: Final = {
    "borrower_resumes",
    "chat_thread_participants",
    "chat_threads",
    "domain_events",
    "meeting_participants",
    "meeting_reminders",
    "meeting_reminders_sent",
    "meetings",
    "notifications",
    "project_messages",
    "project_resumes",
    "project_workspace_activity",
    "projects",
    "resources",
    "resume_nudges",
    "thread_nudges",
    "unread_thread_stale_log",
    "user_notification_preferences",
}
SMALL: Final = 500


@pytest.fixture(scope="module")
def crowded(databases: Databases) -> Iterator[Database]:
    with databases.migrated() as database:
        with database.connect() as connection:
            crowd(connection, NUMBER)
        yield database


def plans_of(database: Database, job: Job, most: int) -> list[Plan]:
    """The plans of the first pages; a later one is planned after much was written."""
    plans: list[Plan] = []
    work = pages_of(job, most=most)
    statement, after = load("pipeline.jobs", work.statement), None
    with psycopg.connect(
        database.jobs_dsn, autocommit=True, cursor_factory=explaining_cursor(plans)
    ) as connection:
        for _ in range(3):
            parameters = {
                **work.parameters, "now": NOW, "most": most, "dry_run": False, "after": after,
            }  # fmt: skip
            row = connection.execute(statement, parameters).fetchone()
            assert row is not None
            after = row[4]
    return plans


@pytest.mark.parametrize("most", [SMALL, 5_000])
@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_a_page_finds_its_rows_by_index(crowded: Database, job: Job, most: int) -> None:
    plans = plans_of(crowded, job, most)
    assert used(plans, "Relation Name", by="Seq Scan") & LARGE == set()
    assert used(plans, "Relation Name") & LARGE


def test_the_newest_message_and_edit_are_found_by_indexes_of_ours(crowded: Database) -> None:
    names = {name for job in JOBS for name in used(plans_of(crowded, job, SMALL), "Index Name")}
    assert names >= {"project_messages_newest_idx", "project_workspace_activity_newest_edit_idx"}


def test_control_without_its_index_the_newest_message_would_be_looked_for_everywhere(
    databases: Databases,
) -> None:
    with databases.migrated() as database:
        with database.connect() as connection:
            crowd(connection, NUMBER // 10)
            connection.execute(
                "DROP INDEX project_messages_newest_idx, project_messages_thread_id_idx"
            )
        plans = [plan for job in JOBS for plan in plans_of(database, job, SMALL)]
    assert "project_messages" in used(plans, "Relation Name", by="Seq Scan")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_a_page_is_one_statement_however_many_rows_it_has(crowded: Database, job: Job) -> None:
    few, many = (plans_of(crowded, job, most) for most in (1, 5_000))
    assert len(few) == len(many) == 3
