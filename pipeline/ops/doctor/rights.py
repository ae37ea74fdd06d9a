"""The rights of each role. The checks compare a database with this file only.

The migrations grant these rights. A migration that grants or revokes one changes this file too.
"""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.migrate import APPLICATION_TABLES

CDC: Final = "fanout_cdc"
WRITER: Final = "fanout_writer"
OPERATOR: Final = "fanout_operator"
VIEWER: Final = "fanout_viewer"
JOBS: Final = "fanout_jobs"
SENDER: Final = "fanout_sender"

OUR_TABLES: Final = (
    "event_dead_letters",
    "fanout_heartbeat",
    "fanout_migrations",
    "fanout_replays",
    "notification_decisions",
)
# In the schema ``fanout``.
NEWER_TABLES: Final = ("age_exemptions", "graphs", "messages_seen", "retention_marks", "switches")
OUR_VIEWS: Final = (
    "fanout_events_per_minute",
    "fanout_failures",
    "fanout_latency",
    "fanout_queue",
)

# An event holds the facts of its meeting, and org_members says who owns an organisation.
_UNREAD: Final = frozenset({"meetings", "orgs"})
_READ: Final = (*(table for table in APPLICATION_TABLES if table not in _UNREAD), *OUR_TABLES)

# All columns but those that say which letter it is, and since when.
_OF_A_LETTER: Final = (
    *("event_type", "stage", "error_class", "message", "fingerprint", "attempt", "data"),
    *("attributes", "pipeline_version", "last_seen_at", "resolved_at", "resolution"),
)

# All columns but the hash.
_OF_A_TOKEN: Final = (
    *("id", "name", "scopes", "created_at", "created_by"),
    *("expires_at", "last_used_at", "revoked_at"),
)

# What a renewal of a watch reads and changes.
_OF_A_WATCH: Final = (
    *("access_token", "refresh_token", "token_expires_at"),
    *("watch_channel_id", "watch_resource_id", "watch_expiration"),
)


def on_tables(right: str, *relations: str, schema: str = "public") -> frozenset[str]:
    """Return a right on each of these tables and views."""
    return frozenset(f"{right} ON {schema}.{relation}" for relation in relations)


def on_columns(verb: str, relation: str, *columns: str, schema: str = "public") -> frozenset[str]:
    """Return a right on each of these columns."""
    return frozenset(f"{verb} ({column}) ON {schema}.{relation}" for column in columns)


SIGN_OF_LIFE: Final = (
    on_tables("SELECT", "graphs", schema="fanout")
    | on_columns("INSERT", "graphs", "graph", "started_at", "version", "host", schema="fanout")
    | on_columns(
        "UPDATE", "graphs", "started_at", "last_seen_at", "version", "host", schema="fanout"
    )
)

RIGHTS: Final[Mapping[str, frozenset[str]]] = {
    CDC: (
        on_tables("SELECT", "domain_events", "fanout_heartbeat")
        | on_tables("INSERT", "fanout_heartbeat")
        | on_tables("DELETE", "fanout_heartbeat")
    ),
    WRITER: (
        on_tables("SELECT", *_READ)
        | on_tables(
            "INSERT",
            "event_dead_letters",
            "notification_decisions",
            "notification_processing",
            "notifications",
            "pending_emails",
        )
        | on_columns(
            "UPDATE",
            "notification_processing",
            "processing_status",
            "processor_id",
            "completed_at",
            "retry_count",
            "error_message",
            "event_type",
            "reason",
            "notifications",
            "emails",
            "skipped",
            "event_created_at",
            "pipeline_version",
            "told",
            "paused_at",
        )
        | on_columns(
            "UPDATE",
            "event_dead_letters",
            *_OF_A_LETTER,
        )
        | on_columns("UPDATE", "notifications", "title", "body", "payload", "created_at")
        | on_tables("SELECT", *NEWER_TABLES, schema="fanout")
        | on_columns("INSERT", "messages_seen", "form", schema="fanout")
        | on_columns("UPDATE", "messages_seen", "last_seen_at", schema="fanout")
        | on_tables("DELETE", "switches", schema="fanout")
        | on_columns(
            "INSERT",
            "switches",
            "name",
            "state",
            "reason",
            "until",
            "failures",
            "fingerprint",
            "cool_off_seconds",
            schema="fanout",
        )
        | on_columns("UPDATE", "switches", "until", "failures", "cool_off_seconds", schema="fanout")
        | SIGN_OF_LIFE
    ),
    OPERATOR: (
        on_tables("SELECT", *_READ, *OUR_VIEWS)
        | on_columns(
            "UPDATE",
            "event_dead_letters",
            *("resolved_at", "resolution", "data", "attributes", "message"),
        )
        | on_tables("DELETE", "notification_decisions")
        | on_tables("SELECT", "erasures", schema="fanout")
        | on_columns("INSERT", "erasures", "person_sha256", schema="fanout")
        | on_columns("UPDATE", "erasures", "finished_at", "rows_changed", schema="fanout")
        | on_columns("INSERT", "fanout_replays", "id", "selector", "note", "planned")
        | on_columns("UPDATE", "fanout_replays", "finished_at", "published", "result")
        | on_tables("SELECT", *NEWER_TABLES, "attempts", schema="fanout")
        | on_tables("DELETE", "switches", schema="fanout")
        | on_columns("INSERT", "switches", "name", "state", "reason", schema="fanout")
        | on_columns(
            "UPDATE", "switches", "state", "reason", "who", "since", "until", schema="fanout"
        )
        | on_columns("INSERT", "age_exemptions", "event_id", "replay_id", schema="fanout")
        | on_columns("SELECT", "api_tokens", *_OF_A_TOKEN, schema="fanout")
        | on_columns(
            "INSERT",
            "api_tokens",
            *("id", "name", "sha256", "scopes", "expires_at"),
            schema="fanout",
        )
        | on_columns("UPDATE", "api_tokens", "revoked_at", schema="fanout")
        | on_tables("SELECT", "audit", schema="fanout")
        | on_columns(
            "INSERT",
            "audit",
            *("id", "who", "identity", "action", "target", "finished_at", "result"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE", "audit", "target", "finished_at", "status", "result", schema="fanout"
        )
        | on_tables("SELECT", "idempotency_keys", "replay_plans", schema="fanout")
        | on_tables("DELETE", "idempotency_keys", "replay_plans", schema="fanout")
        | on_columns(
            "INSERT",
            "idempotency_keys",
            *("caller", "route", "key", "request", "token", "held_until"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "idempotency_keys",
            *("request", "token", "held_until", "status", "body", "taken_at"),
            schema="fanout",
        )
        | on_columns(
            "INSERT",
            "replay_plans",
            *("id", "selector", "event_ids", "ignore_age", "plan", "planned", "planned_by"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "replay_plans",
            *("state", "next_attempt_at", "lease_token", "attempts", "failures"),
            *("started_at", "finished_at", "error_class", "reason"),
            *("applied_by", "note", "rate", "published"),
            schema="fanout",
        )
        # Whoever applies a plan records each try.
        | on_tables("INSERT", "attempts", schema="fanout")
    ),
    VIEWER: (
        on_columns(
            "SELECT",
            "domain_events",
            *("id", "event_type", "actor_id", "project_id", "thread_id"),
            *("meeting_id", "resource_id", "created_at"),
        )
        | on_columns("SELECT", "profiles", "id", "email", "full_name")
        | on_columns("SELECT", "projects", "id", "name")
        | on_columns("SELECT", "chat_threads", "id", "topic")
        | on_columns(
            "SELECT",
            "notifications",
            *("id", "user_id", "event_id", "title", "body", "created_at", "read_at"),
            "counter_thread_id",
        )
        | on_columns(
            "SELECT",
            "pending_emails",
            *("id", "user_id", "event_id", "delivery_type", "subject", "status"),
            *("created_at", "processed_at"),
        )
        | on_columns(
            "SELECT",
            "event_dead_letters",
            *("id", "letter_key", "event_id", "event_type", "stage", "error_class", "message"),
            *("fingerprint", "attempt", "pipeline_version", "created_at", "last_seen_at"),
            *("resolved_at", "resolution"),
        )
        | on_tables(
            "SELECT",
            *("user_notification_preferences", "notification_processing"),
            *("notification_decisions", "fanout_heartbeat", "fanout_migrations", "fanout_replays"),
            *("fanout_events_per_minute", "fanout_failures", "fanout_queue"),
        )
        | on_tables(
            "SELECT", "graphs", "replay_plans", "retention_marks", "switches", schema="fanout"
        )
    ),
}

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

_OF_A_NEW_RUN: Final = ("job", "scheduled_for", "as_of", "requested_by", "changed")

# What comes on top where the database has the family jobs.
RIGHTS_WITH_JOBS: Final[Mapping[str, frozenset[str]]] = {
    JOBS: (
        on_tables("SELECT", *_READ_BY_JOBS)
        | SIGN_OF_LIFE
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
        | on_tables("SELECT", "event_dead_letters", "fanout_migrations")
        | on_tables("INSERT", "event_dead_letters")
        | on_columns("UPDATE", "event_dead_letters", *_OF_A_LETTER)
        | on_tables("SELECT", "job_runs", "switches", schema="fanout")
        | on_tables("INSERT", "attempts", schema="fanout")
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
        | on_columns(
            "INSERT",
            "job_runs",
            *_OF_A_NEW_RUN,
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
        | on_columns("INSERT", "job_runs", *_OF_A_NEW_RUN, schema="fanout")
    ),
}

# Views of mails, what they show of a table with secrets, and to which digest a mail belongs.
_LOOK_AT_MAIL: Final = on_tables(
    "SELECT",
    *("mails", "notification_events", "notifications_dashboard_view", "notification_queue_status"),
    *("notification_processing_timeline", "failed_notifications_report"),
    *("notification_error_summary", "digest_rows", "digest_pushes"),
    schema="fanout",
) | on_columns("SELECT", "transactional_mails", "delivery_id", "booking_id", schema="fanout")
OF_A_BREAKER: Final = (
    *("name", "state", "reason", "until", "failures", "fingerprint", "cool_off_seconds"),
)
_READ_BY_SENDER: Final = (
    *("deliveries", "delivery_bodies", "batch_requests", "channels", "rate_limits", "switches"),
    "transactional_mails",
)
# Of the application, for the check of a mail.
_CHECKED_BY_SENDER: Final = {
    "profiles": ("id", "email", "full_name"),
    "domain_events": (
        *("id", "created_at", "project_id", "thread_id", "resource_id", "meeting_id"),
    ),
    "projects": ("id", "owner_org_id", "name"),
    "resources": ("id", "parent_id", "org_id", "project_id"),
    "chat_threads": ("id", "project_id"),
    "permissions": ("resource_id", "user_id", "permission"),
    "org_members": ("org_id", "user_id", "role"),
    "project_access_grants": ("project_id", "user_id"),
    "chat_thread_participants": ("thread_id", "user_id", "last_read_at"),
    "notifications": ("id", "event_id", "user_id", "title", "link_url", "read_at"),
    "user_notification_preferences": (
        *("id", "user_id", "scope_type", "scope_id", "event_type", "channel", "status"),
        "updated_at",
    ),
}

# What comes on top where the database has the family mail.
RIGHTS_WITH_MAIL: Final[Mapping[str, frozenset[str]]] = {
    SENDER: (
        on_tables("SELECT", *_READ_BY_SENDER, schema="fanout")
        | SIGN_OF_LIFE
        | on_tables("INSERT", "attempts", schema="fanout")
        | on_columns(
            "INSERT",
            "deliveries",
            *("id", "cause", "channel", "recipient", "kind", "user_id", "source", "source_id"),
            "expires_at",
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "deliveries",
            *("state", "next_attempt_at", "lease_token", "attempts", "failures"),
            *("started_at", "finished_at", "asked_at", "unanswered", "batch_id"),
            *("source_taken_at", "provider", "provider_id", "error_class", "reason", "ranked_at"),
            schema="fanout",
        )
        | on_columns(
            "INSERT", "delivery_bodies", "delivery_id", "provider", "body", schema="fanout"
        )
        | on_columns(
            "INSERT",
            "batch_requests",
            *("id", "provider", "key", "members", "body", "asked_at"),
            schema="fanout",
        )
        | on_columns("INSERT", "channels", "channel", schema="fanout")
        | on_columns(
            "INSERT", "rate_limits", "name", "per_second", "burst", "tokens", schema="fanout"
        )
        | on_columns(
            "UPDATE", "rate_limits", "tokens", "refilled_at", "blocked_until", schema="fanout"
        )
        | on_columns("SELECT", "suppressions", "address_hash", "reason", schema="fanout")
        | on_tables("DELETE", "switches", schema="fanout")
        | on_columns("INSERT", "switches", *OF_A_BREAKER, schema="fanout")
        | on_columns("UPDATE", "switches", "until", "failures", "cool_off_seconds", schema="fanout")
        | on_tables("SELECT", "fanout_migrations", "pending_emails")
        | on_columns("UPDATE", "pending_emails", "status", "processed_at")
        | frozenset().union(
            *(
                on_columns("SELECT", table, *columns)
                for table, columns in _CHECKED_BY_SENDER.items()
            )
        )
        | on_tables("SELECT", "digest_rows", "digest_hours", "person_zones", schema="fanout")
        | on_tables("SELECT", "digest_pushes", schema="fanout")
        | on_columns("UPDATE", "digest_rows", "left_out", schema="fanout")
        | on_columns("UPDATE", "digest_pushes", "left_out", schema="fanout")
    ),
    WRITER: (
        on_columns(
            "SELECT",
            "deliveries",
            *("id", "cause", "channel", "state", "next_attempt_at"),
            schema="fanout",
        )
        | on_columns(
            "INSERT",
            "deliveries",
            *("id", "cause", "channel", "recipient", "kind", "user_id", "source", "source_id"),
            *("expires_at", "deliver_at", "next_attempt_at"),
            schema="fanout",
        )
        | on_columns("UPDATE", "deliveries", "deliver_at", "next_attempt_at", schema="fanout")
        | on_tables("SELECT", "channels", schema="fanout")
    ),
    OPERATOR: (
        on_tables("SELECT", "deliveries", "channels", schema="fanout")
        | on_tables("SELECT", "provider_reports", "suppressions", schema="fanout")
        | on_tables("DELETE", "provider_reports", schema="fanout")
        | _LOOK_AT_MAIL
    ),
    VIEWER: (
        on_tables("SELECT", "deliveries", "attempts", "provider_reports", schema="fanout")
        | _LOOK_AT_MAIL
    ),
}

# What comes on top where it has both.
RIGHTS_WITH_JOBS_AND_MAIL: Final[Mapping[str, frozenset[str]]] = {
    JOBS: (
        on_tables("SELECT", "channels", "digest_hours", "person_zones", schema="fanout")
        | on_columns(
            "SELECT",
            "deliveries",
            *("id", "user_id", "source", "state", "channel", "recipient", "source_id"),
            *("collapse_key", "sequence", "batch_id", "finished_at", "created_at"),
            "source_taken_at",
            schema="fanout",
        )
        | on_columns("UPDATE", "deliveries", "source_taken_at", schema="fanout")
        | on_columns("SELECT", "digest_pushes", "push_id", schema="fanout")
        | on_columns("INSERT", "digest_pushes", "push_id", "delivery_id", schema="fanout")
        # For retention.
        | on_tables(
            "DELETE",
            *("deliveries", "delivery_bodies", "batch_requests", "provider_reports"),
            schema="fanout",
        )
        | on_columns(
            "SELECT", "delivery_bodies", "delivery_id", "provider", "created_at", schema="fanout"
        )
        | on_columns("SELECT", "batch_requests", "id", "created_at", "members", schema="fanout")
        | on_columns(
            "SELECT",
            "provider_reports",
            *("provider", "report_id", "received_at"),
            schema="fanout",
        )
        | on_columns("UPDATE", "channels", "since", schema="fanout")
        | on_columns(
            "INSERT",
            "deliveries",
            *("id", "cause", "channel", "recipient", "kind", "user_id", "source", "source_id"),
            *("priority", "expires_at"),
            schema="fanout",
        )
        | on_columns("SELECT", "digest_rows", "email_id", "delivery_id", schema="fanout")
        | on_columns("INSERT", "digest_rows", "email_id", "delivery_id", schema="fanout")
        | on_columns(
            "SELECT",
            "pending_emails",
            *("id", "user_id", "delivery_type", "status", "created_at"),
        )
        | on_columns("UPDATE", "pending_emails", "status")
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
