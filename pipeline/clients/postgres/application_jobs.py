"""What the scheduled jobs need of the application besides ``application.NEEDED``.

A database without the family jobs is not asked for it. A table that is in both lists has its other
columns there.
"""

from collections.abc import Sequence
from typing import Final

from pipeline.clients.postgres.application import (
    NEEDED,
    Column,
    ObjectKind,
    Table,
    Type,
    columns,
    written,
)

NEEDED_BY_JOBS: Final = (
    # The jobs insert events. What they leave out must have a default or may be NULL.
    Table(
        "domain_events",
        ObjectKind.TABLE,
        (
            written("event_type", Type.TEXT),
            *(
                written(name, Type.UUID, may_be_null=True)
                for name in ("actor_id", "project_id", "thread_id", "meeting_id")
            ),
            Column("resource_id", Type.UUID, may_be_null=True),
            written("payload", Type.JSON),
            Column("created_at", Type.TIME, needs_default=True),
        ),
    ),
    Table(
        "meeting_reminders_sent",
        ObjectKind.TABLE,
        (
            *(written(name, Type.UUID) for name in ("meeting_id", "user_id")),
            written("reminder_type", Type.TEXT),
            written("sent_at", Type.TIME),
        ),
    ),
    Table(
        "unread_thread_stale_log",
        ObjectKind.TABLE,
        (
            *(written(name, Type.UUID) for name in ("thread_id", "user_id")),
            written("latest_message_at", Type.TIME),
            written("event_id", Type.ID),
            written("sent_at", Type.TIME),
        ),
    ),
    Table(
        "meetings",
        ObjectKind.READABLE,
        (
            *columns(Type.UUID, "id", "project_id", "organizer_id"),
            *columns(Type.TEXT, "title", "meeting_link"),
            *columns(Type.TIME, "start_time", "end_time"),
            Column("status", Type.WORD, ("scheduled",)),
        ),
    ),
    Table(
        "meeting_participants",
        ObjectKind.READABLE,
        (
            Column("response_status", Type.WORD, ("declined",)),
            Column("is_organizer", Type.BOOLEAN),
        ),
    ),
    Table(
        "chat_thread_participants",
        ObjectKind.READABLE,
        tuple(columns(Type.TIME, "created_at", "last_read_at")),
    ),
    Table(
        "project_messages",
        ObjectKind.READABLE,
        (
            Column("id", Type.ANY_ID),
            *columns(Type.UUID, "thread_id", "user_id"),
            Column("created_at", Type.TIME),
        ),
    ),
    Table("projects", ObjectKind.LOCKABLE, (Column("created_at", Type.TIME),)),
    Table(
        "resources",
        ObjectKind.READABLE,
        (
            Column("resource_type", Type.WORD, ("PROJECT_RESUME", "BORROWER_RESUME")),
            Column("current_version_id", Type.UUID),
            Column("updated_at", Type.ANY_TIME),
        ),
    ),
    *(
        Table(
            name,
            ObjectKind.READABLE,
            (
                *columns(Type.UUID, "id", "project_id"),
                Column("version_number", Type.INTEGER),
                Column("completeness_percent", Type.NUMBER),
                Column("created_at", Type.ANY_TIME),
            ),
        )
        for name in ("project_resumes", "borrower_resumes")
    ),
    Table(
        "project_workspace_activity",
        ObjectKind.READABLE,
        (
            Column("project_id", Type.UUID),
            *columns(Type.TIME, "last_project_resume_edit_at", "last_borrower_resume_edit_at"),
        ),
    ),
    # An application without calendars has no such table, and pauses renew-calendar-watches.
    Table(
        "calendar_connections",
        ObjectKind.LOCKABLE,
        (
            Column("id", Type.UUID),
            Column("provider", Type.WORD, ("google",)),
            Column("sync_enabled", Type.BOOLEAN),
            Column("calendar_list", Type.JSON),
            Column("access_token", Type.TEXT),
            Column("refresh_token", Type.TEXT, may_be_null=True),
            Column("token_expires_at", Type.TIME, may_be_null=True),
            *columns(Type.TEXT, "watch_channel_id", "watch_resource_id"),
            Column("watch_expiration", Type.TIME),
        ),
        is_optional=True,
    ),
)

ALL_TABLES: Final = tuple(sorted({table.name for table in (*NEEDED, *NEEDED_BY_JOBS)}))
ALL_COLUMNS: Final = frozenset(
    column.name
    for table in (*NEEDED, *NEEDED_BY_JOBS)
    for column in table.columns
    if not column.is_ours
)
# Tables of our migrations also have columns with these names.
SHARED_COLUMNS: Final = frozenset(
    {
        *("body", "channel", "created_at", "event_id", "event_type", "id", "latest_message_at"),
        *("meeting_id", "name", "project_id", "resource_id", "start_time", "status", "thread_id"),
        *("topic", "user_id"),
    }
)


def needed(*, with_jobs: bool) -> Sequence[Table]:
    """Return what a database must have, with or without the family jobs."""
    return (*NEEDED, *NEEDED_BY_JOBS) if with_jobs else NEEDED
