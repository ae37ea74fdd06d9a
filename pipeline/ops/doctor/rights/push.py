"""The rights that come on top where the database has the families push and activity."""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.words import (
    BREAKER,
    CHANNEL_AND_RATE,
    JOBS,
    OPERATOR,
    PUSH,
    SENDER,
    SIGN_OF_LIFE,
    VIEWER,
    WRITER,
    on_columns,
    on_tables,
)

# Of the application, for what a push says and whether it still goes out.
_READ_BY_PUSH: Final = {
    "notifications": ("id", "user_id", "title", "body", "link_url", "read_at"),
    "domain_events": (
        *("id", "created_at", "project_id", "thread_id", "resource_id", "meeting_id"),
    ),
    "projects": ("id", "owner_org_id"),
    "resources": ("id", "parent_id", "org_id", "project_id"),
    "chat_threads": ("id", "project_id"),
    "permissions": ("resource_id", "user_id", "permission"),
    "org_members": ("org_id", "user_id", "role"),
    "project_access_grants": ("project_id", "user_id"),
    "chat_thread_participants": ("thread_id", "user_id"),
    "user_notification_preferences": (
        *("id", "user_id", "scope_type", "scope_id", "event_type", "channel", "status"),
        "updated_at",
    ),
}

# What decides whether phones may ring.
_DISTURBANCE: Final = on_tables(
    "SELECT",
    *("disturbance", "send_windows", "person_disturbance", "person_zones", "digest_hours"),
    schema="fanout",
)

RIGHTS_WITH_PUSH: Final[Mapping[str, frozenset[str]]] = {
    PUSH: (
        on_tables(
            "SELECT",
            *("deliveries", "device_tokens", "channels", "rate_limits", "switches"),
            schema="fanout",
        )
        | _DISTURBANCE
        | on_tables("SELECT", "person_activity", schema="fanout")
        | SIGN_OF_LIFE
        | on_tables("SELECT", "fanout_migrations")
        | on_tables("INSERT", "attempts", schema="fanout")
        | on_tables("DELETE", "device_tokens", schema="fanout")
        | on_columns(
            "INSERT",
            "deliveries",
            *("id", "cause", "channel", "recipient", "kind", "user_id", "source", "source_id"),
            *("priority", "deliver_at", "next_attempt_at", "expires_at"),
            *("ages_while_paused", "collapse_key", "state", "finished_at", "reason"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "deliveries",
            *("state", "next_attempt_at", "lease_token", "attempts", "failures"),
            *("started_at", "finished_at", "asked_at", "unanswered"),
            *("provider", "provider_id", "error_class", "reason", "ranked_at"),
            schema="fanout",
        )
        | CHANNEL_AND_RATE
        | BREAKER
        | on_columns("SELECT", "broadcasts", "id", "title", "body", "link", schema="fanout")
        | frozenset().union(
            *(on_columns("SELECT", table, *columns) for table, columns in _READ_BY_PUSH.items())
        )
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
            *("expires_at", "deliver_at", "next_attempt_at", "collapse_key"),
            schema="fanout",
        )
        | on_columns("UPDATE", "deliveries", "deliver_at", "next_attempt_at", schema="fanout")
        | on_tables("SELECT", "channels", schema="fanout")
    ),
    OPERATOR: on_tables("SELECT", "deliveries", "channels", schema="fanout") | _DISTURBANCE,
    VIEWER: on_tables("SELECT", "deliveries", "attempts", schema="fanout") | _DISTURBANCE,
}

# What comes on top where it has jobs besides: for retention, and for the digests of pushes.
RIGHTS_WITH_JOBS_AND_PUSH: Final[Mapping[str, frozenset[str]]] = {
    JOBS: (
        on_columns(
            "SELECT",
            "deliveries",
            *("id", "channel", "recipient", "collapse_key", "sequence", "finished_at"),
            *("user_id", "source", "state"),
            schema="fanout",
        )
        | on_columns(
            "INSERT",
            "deliveries",
            *("id", "cause", "channel", "recipient", "kind", "user_id", "source", "source_id"),
            *("priority", "expires_at"),
            schema="fanout",
        )
        | on_tables("SELECT", "digest_hours", "person_zones", schema="fanout")
        | on_columns("SELECT", "digest_rows", "email_id", schema="fanout")
        | on_columns("INSERT", "digest_rows", "email_id", "delivery_id", schema="fanout")
        | on_columns(
            "SELECT",
            "pending_emails",
            *("id", "user_id", "delivery_type", "status", "created_at"),
        )
        | on_columns("UPDATE", "pending_emails", "status")
        | on_tables("DELETE", "deliveries", schema="fanout")
        | on_tables("SELECT", "channels", schema="fanout")
    ),
}

# What why says of a row of activity.notifications.
_HOW_A_ROW_STANDS: Final = (
    *("id", "user_id", "notification_type", "is_processed", "created_at", "deliver_at"),
    *("taken_at", "last_error"),
)

# What comes on top where it has activity.notifications besides.
RIGHTS_WITH_ACTIVITY: Final[Mapping[str, frozenset[str]]] = {
    SENDER: on_columns("SELECT", "notifications", "id", "title", "payload", schema="activity"),
    OPERATOR: on_columns("SELECT", "notifications", *_HOW_A_ROW_STANDS, schema="activity"),
    VIEWER: (
        on_columns("SELECT", "notifications", *_HOW_A_ROW_STANDS, schema="activity")
        | on_columns("SELECT", "channels", "channel", "since", schema="fanout")
    ),
    PUSH: (
        on_tables("SELECT", "notifications", schema="activity")
        | on_columns(
            "UPDATE",
            "notifications",
            *("is_processed", "error_count", "last_error", "taken_at"),
            schema="activity",
        )
    ),
}
