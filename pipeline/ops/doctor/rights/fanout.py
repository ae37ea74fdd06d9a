"""The rights of the roles that the fan-out needs."""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.words import (
    CDC,
    NOTED_TOPIC,
    OF_A_LETTER,
    OPERATOR,
    SIGN_OF_LIFE,
    UNPUBLISHED,
    VIEWER,
    WRITER,
    on_columns,
    on_tables,
)
from pipeline.ops.migrate import APPLICATION_TABLES

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

# All columns but the hash.
_OF_A_TOKEN: Final = (
    *("id", "name", "scopes", "created_at", "created_by"),
    *("expires_at", "last_used_at", "revoked_at"),
)

# Of change data capture, in every database.
RIGHTS_ON_HEARTBEATS: Final = (
    on_tables("SELECT", "fanout_heartbeat")
    | on_tables("INSERT", "fanout_heartbeat")
    | on_tables("DELETE", "fanout_heartbeat")
)

RIGHTS: Final[Mapping[str, frozenset[str]]] = {
    CDC: RIGHTS_ON_HEARTBEATS | on_tables("SELECT", "domain_events"),
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
            *OF_A_LETTER,
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
        | NOTED_TOPIC
        | UNPUBLISHED
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
        | on_tables("SELECT", *NEWER_TABLES, "attempts", "graph_topics", schema="fanout")
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
            "reaction_ids",
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
