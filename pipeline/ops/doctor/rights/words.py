"""What the lists of rights are made of: the roles, and rights in the words of GRANT."""

from typing import Final

CDC: Final = "fanout_cdc"
WRITER: Final = "fanout_writer"
OPERATOR: Final = "fanout_operator"
VIEWER: Final = "fanout_viewer"
JOBS: Final = "fanout_jobs"
SENDER: Final = "fanout_sender"
PUSH: Final = "fanout_push"
REACTIONS: Final = "fanout_reactions"

# All columns but those that say which letter it is, and since when.
OF_A_LETTER: Final = (
    *("event_type", "stage", "error_class", "message", "fingerprint", "attempt", "data"),
    *("attributes", "pipeline_version", "last_seen_at", "resolved_at", "resolution"),
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

# Which topic a graph reads whose events can be replayed.
NOTED_TOPIC: Final = (
    on_tables("SELECT", "graph_topics", schema="fanout")
    | on_tables("DELETE", "graph_topics", schema="fanout")
    | on_columns("INSERT", "graph_topics", "graph", "topic", schema="fanout")
    | on_columns("UPDATE", "graph_topics", "topic", "noted_at", schema="fanout")
)

# Which dead letters are not on their topic yet.
UNPUBLISHED: Final = (
    on_tables("SELECT", "unpublished_letters", schema="fanout")
    | on_tables("DELETE", "unpublished_letters", schema="fanout")
    | on_columns("INSERT", "unpublished_letters", "letter_key", "topic", schema="fanout")
    | on_columns("UPDATE", "unpublished_letters", "topic", "due_at", schema="fanout")
)

# What opens and closes the switch of a provider, or of an event type, that fails.
BREAKER: Final = (
    on_tables("DELETE", "switches", schema="fanout")
    | on_columns(
        "INSERT",
        "switches",
        *("name", "state", "reason", "until", "failures", "fingerprint", "cool_off_seconds"),
        schema="fanout",
    )
    | on_columns("UPDATE", "switches", "until", "failures", "cool_off_seconds", schema="fanout")
)

# What switches a channel on, and keeps to the rate of its provider.
CHANNEL_AND_RATE: Final = (
    on_columns("INSERT", "channels", "channel", schema="fanout")
    | on_columns("INSERT", "rate_limits", "name", "per_second", "burst", "tokens", schema="fanout")
    | on_columns("UPDATE", "rate_limits", "tokens", "refilled_at", "blocked_until", schema="fanout")
)
