"""The rights that come on top where the database has the family reactions."""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.jobs import OF_A_NEW_RUN, OF_THE_RUNS
from pipeline.ops.doctor.rights.words import (
    BREAKER,
    JOBS,
    NOTED_TOPIC,
    OPERATOR,
    REACTIONS,
    SIGN_OF_LIFE,
    UNPUBLISHED,
    VIEWER,
    on_columns,
    on_tables,
)

# What a statement that writes what follows may insert, by table.
_WRITTEN: Final = {
    "events": (
        *("id", "event_type", "aggregate_id", "aggregate_type", "payload", "metadata"),
        *("created_by", "processed"),
    ),
    "community_requests": (
        *("id", "event_id", "requesting_user_id", "requesting_agent_type", "context_type"),
        *("context_id", "question", "category", "expertise_needed", "desired_outcome", "urgency"),
        *("target_user_ids", "details", "created_at", "expires_at"),
    ),
    "solution_workflows": ("id", "user_id", "status"),
    "intro_offers": (*("id", "offering_user_id", "introducee_user_id", "status", "expires_at"),),
    "agent_tasks": (
        *("id", "event_id", "task_type", "agent_type", "user_id", "context_type", "context_id"),
        *("scheduled_for", "priority", "context_json"),
    ),
    "message_queue": (
        *("id", "event_id", "user_id", "template", "context_json", "scheduled_for", "priority"),
        *("can_delay", "conversation_context_id"),
    ),
    "agent_actions_log": ("id", "event_id", "action", "agent_type", "user_id", "data"),
    "credit_events": ("id", "event_id", "user_id", "amount", "reason", "idempotency_key"),
    "inbox_items": (
        *("id", "event_id", "user_id", "item_type", "item_id", "status", "score"),
        *("expires_at", "content"),
    ),
}
# What handlers ask about, and the keys without which no row could be inserted once.
_READ: Final = {
    "events": (
        *("id", "event_type", "created_at", "aggregate_type", "aggregate_id", "payload"),
        *("metadata", "processed", "version", "sequence"),
    ),
    "solution_workflows": ("id", "status", "responses", "completed_at"),
    "intro_opportunities": ("id", "status", "completed_at"),
    "intro_offers": ("id", "status"),
    "community_requests": (
        *("id", "requesting_user_id", "context_type", "context_id", "category"),
        *("expertise_needed", "status", "created_at", "expires_at"),
        *("target_user_ids", "responses", "answered_by", "closed_at"),
    ),
    "agent_tasks": ("id",),
    "message_queue": ("id",),
    "agent_actions_log": ("id",),
    "inbox_items": ("user_id", "item_type", "item_id", "status"),
}
_CHANGED: Final = {
    "events": ("processed",),
    "users": ("last_active_at",),
    "conversations": (
        *("last_message_at", "last_intent", "intent_confidence", "intent_context"),
        "intent_classified_at",
    ),
    "solution_workflows": ("status", "completed_at", "responses"),
    "intro_opportunities": ("status", "completed_at"),
    "intro_offers": ("status",),
    "community_requests": ("status", "responses", "answered_by", "closed_at"),
    "inbox_items": ("status",),
}
# What the jobs hand out, and close.
_BY_JOBS: Final = (
    (
        "SELECT",
        "agent_tasks",
        (
            *("id", "task_type", "agent_type", "user_id", "context_id", "context_type"),
            *("scheduled_for", "priority", "status", "created_at"),
        ),
    ),
    ("UPDATE", "agent_tasks", ("status",)),
    (
        "SELECT",
        "message_queue",
        (
            *("id", "user_id", "scheduled_for", "priority", "status", "created_at"),
            "conversation_context_id",
        ),
    ),
    ("UPDATE", "message_queue", ("status",)),
    ("SELECT", "events", ("id", "sequence", "processed")),
    (
        "INSERT",
        "events",
        ("id", "event_type", "aggregate_type", "aggregate_id", "payload", "created_by"),
    ),
    ("SELECT", "community_requests", ("id", "status")),
    ("UPDATE", "community_requests", ("status", "closed_at")),
    ("SELECT", "inbox_items", ("user_id", "item_type", "item_id", "status")),
    ("UPDATE", "inbox_items", ("status",)),
)

# A dead letter has no payload of these events, and what messages of others said is not read.
_CAUSE: Final = ("event_type", "stage", "error_class", "message", "fingerprint", "pipeline_version")
_LETTERS: Final = {
    "INSERT": ("letter_key", *_CAUSE),
    "SELECT": ("letter_key", "attempt", "resolved_at", *_CAUSE),
    "UPDATE": ("attempt", "last_seen_at", "resolved_at", "resolution", *_CAUSE),
}

# What people see of what an event led to: no context, which may hold anything.
_SHOWN: Final = frozenset().union(
    *(
        on_columns("SELECT", table, *columns, schema="reactions")
        for table, columns in {
            "agent_tasks": (
                *("id", "task_type", "agent_type", "user_id", "scheduled_for", "priority"),
                "status",
            ),
            "message_queue": (
                *("id", "user_id", "template", "scheduled_for", "priority", "status"),
            ),
            "inbox_items": ("id", "user_id", "item_type", "score", "expires_at", "status"),
            "credit_events": ("id", "user_id", "amount", "reason"),
            "agent_actions_log": ("id", "action", "agent_type", "user_id"),
            "community_requests": ("id", "status", "expires_at"),
        }.items()
    )
)
# What those who only read see of an event: neither payload nor metadata.
_OF_AN_EVENT: Final = (
    *("id", "event_type", "aggregate_id", "aggregate_type", "processed", "created_at"),
    *("created_by", "sequence"),
)
_OF_THE_DEAD: Final = (
    *("id", "event_id", "event_type", "error_message", "retry_count", "original_created_at"),
    *("created_at", "aggregate_type", "aggregate_id", "state", "letter_id"),
)
_ROUTE: Final = ("id", "event_type", "condition", "to_kind", "target", "endpoint_id", "place")

RIGHTS_WITH_REACTIONS: Final[Mapping[str, frozenset[str]]] = {
    REACTIONS: (
        SIGN_OF_LIFE
        | NOTED_TOPIC
        | UNPUBLISHED
        | on_tables("SELECT", "fanout_migrations")
        | on_tables("SELECT", "reactions", "switches", schema="fanout")
        | on_tables("SELECT", "reaction_backlog", "reaction_marks", schema="fanout")
        | on_columns("UPDATE", "reaction_backlog", "reached", "finished_at", schema="fanout")
        | BREAKER
        | frozenset().union(
            *(
                on_columns(verb, "event_dead_letters", *columns)
                for verb, columns in _LETTERS.items()
            )
        )
        | on_tables("INSERT", "attempts", schema="fanout")
        | on_columns(
            "INSERT",
            "reactions",
            *("event_id", "event_type", "depth", "state", "cause", "next_attempt_at"),
            *("order_key", "ordinal"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "reactions",
            *("state", "next_attempt_at", "lease_token", "attempts", "failures"),
            *("started_at", "finished_at", "error_class", "reason", "effects", "route", "losses"),
            schema="fanout",
        )
        | on_columns("SELECT", "reaction_routes", *_ROUTE, schema="fanout")
        | on_columns("SELECT", "reaction_webhooks", "event_id", "endpoint_id", schema="fanout")
        | on_columns(
            "INSERT", "reaction_webhooks", "event_id", "event_type", "endpoint_id", schema="fanout"
        )
        | on_tables("SELECT", "users", "conversations", schema="reactions")
        | frozenset().union(
            *(
                on_columns(verb, table, *columns, schema="reactions")
                for verb, of_tables in (
                    *(("SELECT", _READ), ("INSERT", _WRITTEN), ("UPDATE", _CHANGED)),
                )
                for table, columns in of_tables.items()
            )
        )
    ),
    JOBS: (
        OF_THE_RUNS
        | on_tables("SELECT", "dispatches", "reaction_marks", "attempts", schema="fanout")
        | on_tables("DELETE", "attempts", "reactions", "dispatches", schema="fanout")
        | on_columns(
            "SELECT",
            "reactions",
            *("event_id", "sequence", "state", "created_at", "finished_at"),
            schema="fanout",
        )
        | on_columns("UPDATE", "reaction_marks", "last_sequence", "moved_at", schema="fanout")
        | on_columns(
            "INSERT",
            "dispatches",
            *("kind", "id", "priority", "state", "next_attempt_at", "attempts", "started_at"),
            schema="fanout",
        )
        | on_columns(
            "UPDATE",
            "dispatches",
            *("priority", "state", "next_attempt_at", "attempts", "failures", "started_at"),
            *("finished_at", "reason"),
            schema="fanout",
        )
        | frozenset().union(
            *(
                on_columns(verb, table, *columns, schema="reactions")
                for verb, table, columns in _BY_JOBS
            )
        )
    ),
    OPERATOR: (
        on_tables("SELECT", "reactions", "reaction_routes", "job_runs", schema="fanout")
        | on_columns("INSERT", "job_runs", *OF_A_NEW_RUN, schema="fanout")
        | on_tables("DELETE", "reaction_routes", schema="fanout")
        | on_columns(
            "INSERT",
            "reaction_routes",
            *("event_type", "condition", "to_kind", "target", "endpoint_id", "place", "reason"),
            schema="fanout",
        )
        | on_columns("SELECT", "reaction_marks", "last_sequence", schema="fanout")
        | on_tables("SELECT", "events", "event_dead_letters", schema="reactions")
        | on_columns("SELECT", "users", "id", schema="reactions")
        | on_columns("SELECT", "conversations", "user_id", schema="reactions")
        | on_columns("SELECT", "community_requests", "requesting_user_id", schema="reactions")
        | _SHOWN
    ),
    VIEWER: on_tables("SELECT", "reactions", "attempts", "job_runs", schema="fanout")
    | on_columns("SELECT", "reaction_marks", "last_sequence", schema="fanout")
    | on_columns("SELECT", "events", *_OF_AN_EVENT, schema="reactions")
    | on_columns("SELECT", "event_dead_letters", *_OF_THE_DEAD, schema="reactions")
    | _SHOWN,
}
