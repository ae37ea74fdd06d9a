"""What the scheduled jobs need of the application: all is listed, and asked of nobody else."""

from typing import Final

import pytest

from bench.crowd import crowd
from local.google_calendar import GoogleCalendarServer
from pipeline.clients.postgres.application_jobs import NEEDED_BY_JOBS, needed
from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.tables import find_faults
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.golden.world import populate
from tests.jobs.calendars import NOW as CALENDAR_NOW
from tests.jobs.calendars import Calendars
from tests.jobs.desk import JOBS, Desk
from tests.jobs.kept import Kept

# A change of the tables, and the fault that is found.
FAULTS: Final = {
    "ALTER TABLE chat_thread_participants RENAME last_read_at TO seen_at": (
        "public.chat_thread_participants.last_read_at timestamptz is missing"
    ),
    "ALTER TABLE meetings ALTER start_time TYPE timestamp": (
        "public.meetings.start_time is timestamp without time zone: expected timestamptz"
    ),
    "ALTER TABLE meeting_participants ALTER is_organizer DROP DEFAULT,"
    " ALTER is_organizer TYPE text": "public.meeting_participants.is_organizer is text:"
    " expected boolean",
    "ALTER TABLE domain_events ALTER resource_id SET NOT NULL": (
        "public.domain_events.resource_id is NOT NULL, but the pipeline writes rows without it"
    ),
    "ALTER TABLE domain_events ALTER created_at DROP DEFAULT": (
        "public.domain_events.created_at has no default, but the pipeline writes rows without it"
    ),
    "ALTER TABLE meeting_reminders_sent ADD tenant uuid NOT NULL": (
        "public.meeting_reminders_sent.tenant uuid is NOT NULL without a default, but the pipeline"
        " writes rows without it"
    ),
    "DROP TABLE unread_thread_stale_log": "public.unread_thread_stale_log is missing",
    "ALTER TABLE calendar_connections DROP COLUMN refresh_token": (
        "public.calendar_connections.refresh_token text is missing"
    ),
}
OTHERS: Final = (
    "DROP TABLE unread_thread_stale_log, meeting_reminders_sent, calendar_connections,"
    " message_attachments, project_messages, project_resumes, borrower_resumes,"
    " project_workspace_activity CASCADE"
)


def seen(database: Database, *, with_jobs: bool = True) -> list[str]:
    with database.connect() as connection:
        return [fault.seen for fault in find_faults(connection, with_jobs=with_jobs)]


def execute(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_only_the_jobs_notice_is_one_line_and_stops_only_them(
    database: Database, fault: str
) -> None:
    assert seen(database) == []
    execute(database, fault)
    assert seen(database) == [FAULTS[fault]]
    assert seen(database, with_jobs=False) == []
    settings = DatabaseSettings(dsn=database.jobs_dsn)
    with pytest.raises(ConfigurationError) as refused:
        check_database(settings, tables=True, with_jobs=True)
    assert f"\n  {FAULTS[fault]}\n" in str(refused.value)
    check_database(settings, tables=True)


def test_the_statement_that_fixes_such_a_fault_does(database: Database) -> None:
    for fault in FAULTS:
        if not fault.startswith("DROP TABLE") and "is_organizer" not in fault:
            execute(database, fault)
    with database.connect() as connection:
        for found in find_faults(connection, with_jobs=True):
            assert found.fix is not None
            connection.execute(found.fix.encode())
    assert seen(database) == []


def test_an_application_without_what_the_jobs_need_is_migrated_for_the_fan_out_only(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, reference_schema=True)
    execute(empty_database, OTHERS)
    assert migrate(empty_database.dsn) == []
    with pytest.raises(ConfigurationError) as refused:
        migrate(empty_database.dsn, family=Family.JOBS)
    # All at once, without the calendars that nobody needs to have, and before anything is made.
    missing = [line for line in str(refused.value).splitlines() if line.endswith("is missing")]
    assert len(missing) == OTHERS.count(",") - 1
    with empty_database.connect() as connection:
        found = connection.execute("SELECT to_regclass('fanout.job_runs')").fetchone()
    assert found == (None,)


def only_what_is_listed(database: Database) -> None:
    """Drop every column of the application's tables that the list does not have."""
    listed: dict[str, set[str]] = {}
    for table in needed(with_jobs=True):
        listed.setdefault(table.name, set()).update(each.name for each in table.columns)
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = ANY (%s)",
            [[table.name for table in NEEDED_BY_JOBS]],
        ).fetchall()
        for table, column in rows:
            if column not in listed[table]:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column} CASCADE".encode())


@pytest.fixture
def crowded(database: Database) -> Desk:
    """People to be told, in tables with no column that is not listed."""
    with database.connect() as connection:
        crowd(connection, 60)
    only_what_is_listed(database)
    return Desk(database)


def test_the_jobs_use_no_column_that_is_not_listed(crowded: Desk) -> None:
    assert seen(crowded.database) == []
    assert all(crowded.run(job).emitted for job in JOBS)
    assert Kept(crowded.database).pages()


def test_nor_does_the_one_that_renews_calendar_watches(database: Database) -> None:
    with (
        database.connect() as owner,
        GoogleCalendarServer(clock=lambda: CALENDAR_NOW).serving() as server,
    ):
        populate(owner)
        calendars = Calendars(database, owner, server)
        calendars.connect(token_expires_at=None)
        only_what_is_listed(database)
        assert calendars.run().emitted == 1
