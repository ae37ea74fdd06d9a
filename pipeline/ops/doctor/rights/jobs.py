"""The rights that come on top where the database has the family jobs, and calendars."""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.words import (
    JOBS,
    OF_A_LETTER,
    OPERATOR,
    SIGN_OF_LIFE,
    UNPUBLISHED,
    VIEWER,
    on_columns,
    on_tables,
)

# What a renewal of a watch reads and changes.
_OF_A_WATCH: Final = (
    *("access_token", "refresh_token", "token_expires_at"),
    *("watch_channel_id", "watch_resource_id", "watch_expiration"),
)

# Of the application, for the jobs that emit events.
_READ_BY_JOBS: Final = (
    *("meetings", "meeting_participants", "meeting_reminders_sent"),
    *("chat_threads", "chat_thread_participants", "project_messages", "unread_thread_stale_log"),
    *("projects", "org_members", "resources", "project_resumes", "borrower_resumes"),
    *("project_workspace_activity", "notifications", "user_notification_preferences"),
    "domain_events",
)
# What keeps an event from being emitted twice.
_KEYS_OF_JOBS: Final = ("meeting_reminders", "thread_nudges", "resume_nudges")

# What retention deletes from, besides the newer tables.
_DELETED_BY_JOBS: Final = (
    *("notification_processing", "notification_decisions", "event_dead_letters"),
    "fanout_replays",
)

OF_A_NEW_RUN: Final = ("job", "scheduled_for", "as_of", "requested_by", "changed")

# What the graph of the jobs needs of its ledger, whatever the jobs.
OF_THE_RUNS: Final = (
    SIGN_OF_LIFE
    | UNPUBLISHED
    | on_tables("SELECT", "event_dead_letters", "fanout_migrations")
    | on_tables("INSERT", "event_dead_letters")
    | on_columns("UPDATE", "event_dead_letters", *OF_A_LETTER)
    | on_tables("SELECT", "job_runs", "switches", schema="fanout")
    | on_tables("INSERT", "attempts", schema="fanout")
    | on_columns(
        "INSERT",
        "job_runs",
        *OF_A_NEW_RUN,
        schema="fanout",
    )
    | on_columns(
        "UPDATE",
        "job_runs",
        *("state", "next_attempt_at", "lease_token", "attempts", "failures", "cursor"),
        *("scanned", "due", "emitted", "skipped", "failed"),
        *("started_at", "finished_at", "error_class", "reason"),
        schema="fanout",
    )
)

# What comes on top where the database has the family jobs.
RIGHTS_WITH_JOBS: Final[Mapping[str, frozenset[str]]] = {
    JOBS: (
        on_tables("SELECT", *_READ_BY_JOBS)
        | OF_THE_RUNS
        | on_tables("SELECT", *_KEYS_OF_JOBS, schema="fanout")
        | on_columns(
            "INSERT",
            "domain_events",
            *("event_type", "actor_id", "project_id", "thread_id", "meeting_id", "payload"),
        )
        | on_columns(
            "INSERT",
            "meeting_reminders_sent",
            *("meeting_id", "user_id", "reminder_type", "sent_at"),
        )
        | on_columns(
            "INSERT",
            "unread_thread_stale_log",
            *("thread_id", "user_id", "latest_message_at", "event_id", "sent_at"),
        )
        | on_columns(
            "INSERT",
            "meeting_reminders",
            *("meeting_id", "user_id", "start_time", "lead_minutes"),
            schema="fanout",
        )
        | on_columns(
            "INSERT", "thread_nudges", "thread_id", "user_id", "latest_message_at", schema="fanout"
        )
        | on_columns(
            "INSERT",
            "resume_nudges",
            *("user_id", "project_id", "resume_type", "anchor", "tier"),
            schema="fanout",
        )
        | on_columns(
            "SELECT", "notification_processing", "event_id", "processing_status", "completed_at"
        )
        | on_tables("SELECT", "notification_decisions")
        | on_columns("SELECT", "fanout_replays", "id", "started_at", "finished_at")
        | on_tables("SELECT", "age_exemptions", "attempts", "retention_marks", schema="fanout")
        | on_tables("INSERT", "retention_marks", schema="fanout")
        | on_tables("UPDATE", "retention_marks", schema="fanout")
        | on_tables("DELETE", *_DELETED_BY_JOBS)
        | on_tables(
            "DELETE", "age_exemptions", "attempts", "job_runs", *_KEYS_OF_JOBS, schema="fanout"
        )
        | on_tables("SELECT", "calendar_channels", "calendar_grants", schema="fanout")
        | on_tables("DELETE", "calendar_channels", "calendar_grants", schema="fanout")
        | on_columns(
            "INSERT",
            "calendar_channels",
            *("id", "connection_id", "channel_id", "state", "claimed_until", "expires_at"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "calendar_channels",
            *("channel_id", "resource_id", "state", "claimed_until", "expires_at"),
            schema="fanout",
        )
        | on_columns(
            "INSERT",
            "calendar_grants",
            *("connection_id", "state", "reason", "since", "refresh_token_sha256"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "calendar_grants",
            *("reason", "since", "refresh_token_sha256"),
            schema="fanout",
        )
    ),
    VIEWER: (
        on_tables("SELECT", "job_runs", schema="fanout")
        | on_columns("SELECT", "calendar_grants", "since", schema="fanout")
    ),
    OPERATOR: (
        on_tables("SELECT", "job_runs", "calendar_grants", *_KEYS_OF_JOBS, schema="fanout")
        | on_tables("DELETE", *_KEYS_OF_JOBS, schema="fanout")
        | on_columns("INSERT", "job_runs", *OF_A_NEW_RUN, schema="fanout")
    ),
}

# What comes on top where the application keeps calendars besides.
RIGHTS_WITH_CALENDARS: Final[Mapping[str, frozenset[str]]] = {
    JOBS: (
        on_columns(
            "SELECT",
            "calendar_connections",
            *("id", "provider", "sync_enabled", "calendar_list"),
            *_OF_A_WATCH,
        )
        | on_columns("UPDATE", "calendar_connections", *_OF_A_WATCH)
    ),
}
