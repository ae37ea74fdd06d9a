"""The rights that come on top where the database has the family mail."""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.words import (
    BREAKER,
    CHANNEL_AND_RATE,
    JOBS,
    OPERATOR,
    SENDER,
    SIGN_OF_LIFE,
    VIEWER,
    WRITER,
    on_columns,
    on_tables,
)

# Views of mails, what they show of a table with secrets, and to which digest a mail belongs.
_LOOK_AT_MAIL: Final = on_tables(
    "SELECT",
    *("mails", "notification_events", "notifications_dashboard_view", "notification_queue_status"),
    *("notification_processing_timeline", "failed_notifications_report"),
    *("notification_error_summary", "digest_rows", "digest_pushes"),
    schema="fanout",
) | on_columns("SELECT", "transactional_mails", "delivery_id", "booking_id", schema="fanout")
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
        | CHANNEL_AND_RATE
        | on_columns("SELECT", "suppressions", "address_hash", "reason", schema="fanout")
        | BREAKER
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

# What comes on top where it has jobs besides.
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
