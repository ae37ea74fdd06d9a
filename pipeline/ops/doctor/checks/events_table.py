"""Check of domain_events: our views read this table, and Debezium can capture it."""

from typing import Any, Final

from pipeline.clients.postgres.sql import load
from pipeline.ops.doctor.check import Check, Finding, failed, ok
from pipeline.ops.doctor.installation import Installation

EVENTS: Final = "public.domain_events"
PARTITIONED: Final = "p"
_ENUM: Final = "e"
# The column types that work. With other types no event arrives, or every event is a dead letter.
TYPES: Final = {
    "id": ("bigint", "integer", "smallint"),
    "event_type": ("text", "character varying", "character"),
    "payload": ("jsonb", "json"),
    "created_at": ("timestamp with time zone",),
}
_CATCH_UP: Final = "then: python -m pipeline catch-up"

_EVENTS_TABLE: Final = load("pipeline.ops.doctor", "events_table")


def events_table(installation: Installation) -> Any:  # noqa: ANN401 - a row
    """Return the row of events_table.sql."""
    return installation.rows(_EVENTS_TABLE)[0]


def _events_table(installation: Installation) -> Finding:
    row = events_table(installation)
    if row.kind is None:
        if row.other_table is None:
            return failed(f"{EVENTS} does not exist", "create it, or correct DATABASE_URL")
        return failed(
            f"{EVENTS} does not exist: the views read {row.other_table}",
            f"ALTER TABLE {row.other_table} RENAME TO domain_events; {_CATCH_UP}",
        )
    if row.other_table is not None:
        # Rights, foreign keys and publication stayed with the other table too.
        return failed(
            f"views and publication use {row.other_table}, not {EVENTS}",
            f"ALTER TABLE {EVENTS} RENAME TO domain_events_newer;"
            f" ALTER TABLE {row.other_table} RENAME TO domain_events; {_CATCH_UP}",
        )
    wrong = [
        f"{column} is {name}, expected {expected[0]}"
        for column, expected in TYPES.items()
        for name, kind in (row.types.get(column, ("missing", None)),)
        if name not in expected and not (column == "event_type" and kind == _ENUM)
    ]
    if wrong:
        return failed(
            f"{EVENTS}: {'; '.join(wrong)}",
            "docs/runbook.md, A column of domain_events has another type",
        )
    return ok(f"{EVENTS}, with column types that can be captured")


CHECKS: Final = (
    Check("events table", "pg_attribute of domain_events", _events_table, needs_fanout=True),
)
