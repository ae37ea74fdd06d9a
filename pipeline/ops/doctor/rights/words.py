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
OF_A_BREAKER: Final = (
    *("name", "state", "reason", "until", "failures", "fingerprint", "cool_off_seconds"),
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
