"""The rights on webhook endpoints, which a database with the family push has."""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.words import OPERATOR, PUSH, VIEWER, WRITER, on_columns, on_tables

RIGHTS_ON_WEBHOOKS: Final[Mapping[str, frozenset[str]]] = {
    PUSH: (
        on_tables("SELECT", "webhook_endpoints", "webhook_secrets", schema="fanout")
        | on_columns(
            "UPDATE",
            "webhook_endpoints",
            *("worked_at", "disabled_at", "disabled_reason"),
            schema="fanout",
        )
        | on_columns("SELECT", "domain_events", "event_type", "actor_id", "meeting_id")
    ),
    WRITER: (
        on_columns("SELECT", "webhook_endpoints", "id", "disabled_at", schema="fanout")
        | on_tables("SELECT", "webhook_subscriptions", schema="fanout")
    ),
    OPERATOR: (
        on_tables("SELECT", "webhook_endpoints", "webhook_subscriptions", schema="fanout")
        | on_tables(
            "DELETE", "webhook_endpoints", "webhook_secrets", "rate_limits", schema="fanout"
        )
        | on_columns("SELECT", "rate_limits", "name", schema="fanout")
        | on_columns(
            "INSERT", "webhook_endpoints", "id", "name", "url", "with_payload", schema="fanout"
        )
        | on_columns(
            "UPDATE", "webhook_endpoints", "disabled_at", "disabled_reason", schema="fanout"
        )
        | on_columns(
            "INSERT", "webhook_subscriptions", "event_type", "endpoint_id", schema="fanout"
        )
        | on_columns(
            "SELECT",
            "webhook_secrets",
            *("id", "endpoint_id", "name", "created_at", "retires_at"),
            schema="fanout",
        )
        | on_columns(
            "INSERT", "webhook_secrets", "id", "endpoint_id", "sealed", "name", schema="fanout"
        )
        | on_columns("UPDATE", "webhook_secrets", "retires_at", schema="fanout")
    ),
    VIEWER: on_columns("SELECT", "webhook_endpoints", "id", "name", schema="fanout"),
}
