"""Checks of change data capture: the slot, the publication and the heartbeat."""

from typing import Any, Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.units import duration
from pipeline.ops.capture.progress import COLUMNS, TABLES, narrowing
from pipeline.ops.doctor.check import CannotLook, Check, Finding, failed, ok, warning
from pipeline.ops.doctor.checks import slots
from pipeline.ops.doctor.checks.events_table import EVENTS, PARTITIONED, events_table
from pipeline.ops.doctor.checks.server import server
from pipeline.ops.doctor.checks.slots import find_slot
from pipeline.ops.doctor.installation import Installation

PUBLISHED: Final = (EVENTS, "public.fanout_heartbeat")
# Six times Debezium's heartbeat.interval.ms.
FRESH_SECONDS: Final = 60
# From this version on, capture goes on without a missing publication. Before, it stops.
FIRST_THAT_PASSES_OVER: Final = 180_000
_CATCH_UP: Final = "then: python -m pipeline catch-up"

_PUBLICATION: Final = load("pipeline.ops.doctor", "publication")
_HEARTBEAT: Final = load("pipeline.ops.doctor", "heartbeat")


def _publication(installation: Installation) -> Finding:
    name = installation.names.publication
    rows = installation.rows(_PUBLICATION, publication=name)
    table = events_table(installation)
    if table.kind is None:
        raise CannotLook(f"{EVENTS} does not exist")
    via_root = table.kind == PARTITIONED
    if not rows:
        creation = _creation(name, via_root=via_root)
        if server(installation).version_number >= FIRST_THAT_PASSES_OVER:
            return failed(
                f"there is no publication {name}: events are passed over",
                f"{creation}; {_CATCH_UP}",
            )
        return failed(
            f"there is no publication {name}: Debezium stops at the next event",
            f"{creation}; then a new slot: docs/runbook.md, The replication slot was lost",
        )
    return _judge_publication(name, rows[0], via_root=via_root)


def _judge_publication(name: str, found: Any, *, via_root: bool) -> Finding:  # noqa: ANN401 - a row
    lacking = sorted(set(COLUMNS) - set(found.columns))
    if tuple(found.tables) != PUBLISHED or found.filtered or lacking:
        left_out = [f"all rows of {', '.join(found.filtered)}"] if found.filtered else []
        left_out += [f"the columns {', '.join(lacking)}"] if found.columns and lacking else []
        return failed(
            f"publishes {_some(found.tables)}"
            + (f", not {' and '.join(left_out)}" if left_out else ""),
            f"{_setting(name, found, via_root=via_root)}; {_CATCH_UP}",
        )
    if not found.inserts or found.other_kinds:
        return failed(
            "publishes other changes than inserts" if found.inserts else "publishes no inserts",
            f"ALTER PUBLICATION {name} SET (publish = 'insert')"
            + ("" if found.inserts else f"; {_CATCH_UP}"),
        )
    if set(found.columns) != set(COLUMNS):
        return warning(
            "publishes whole events: in an older Debezium, an event of over 10 MB stops capture",
            "python -m pipeline capture says what must happen before ids are enough",
        )
    return ok("inserts into domain_events, only ids and times, and into fanout_heartbeat")


def _creation(name: str, *, via_root: bool) -> str:
    root = ", publish_via_partition_root = true" if via_root else ""
    return f"CREATE PUBLICATION {name} FOR TABLE {TABLES} WITH (publish = 'insert'{root})"


def _setting(name: str, found: Any, *, via_root: bool) -> str:  # noqa: ANN401 - a row
    if found.is_of_all_tables:
        # Postgres cannot alter a publication FOR ALL TABLES into one of some tables.
        creation = _creation(name, via_root=via_root)
        return f"BEGIN; DROP PUBLICATION {name}; {creation}; COMMIT"
    if via_root and not found.via_root:
        # This comes first: a list of columns is not allowed for the partitions.
        root = f"ALTER PUBLICATION {name} SET (publish_via_partition_root = true)"
        return f"{root}; {narrowing(name)}"
    return narrowing(name)


def _some(tables: list[str]) -> str:
    shown = 3
    more = f" and {len(tables) - shown} more" if len(tables) > shown else ""
    return f"{', '.join(tables[:shown]) or 'nothing'}{more}"


def _heartbeat(installation: Installation) -> Finding:
    if server(installation).is_standby:
        raise CannotLook("this is a standby")
    if not find_slot(installation).active:
        raise CannotLook("nobody reads the slot")
    [row] = installation.rows(_HEARTBEAT, slot=installation.names.slot)
    age, unconfirmed = row.age_seconds, row.unconfirmed_seconds
    if age is None or age >= FRESH_SECONDS:
        return failed(
            "none yet" if age is None else f"the last one {duration(age)} ago",
            "see Debezium's log: it may hang, or lack INSERT and DELETE on fanout_heartbeat",
        )
    if unconfirmed is not None and unconfirmed >= FRESH_SECONDS:
        return failed(
            f"{duration(age)} ago, but Debezium has published nothing for {duration(unconfirmed)}",
            "see its log: a topic may be missing, Pub/Sub may not answer, or it has a backlog;"
            " until then: python -m pipeline catch-up",
        )
    return ok(f"{duration(age)} ago")


CHECKS: Final = (
    *slots.CHECKS,
    Check("publication", "pg_publication_tables", _publication, needs_fanout=True),
    Check("heartbeat", "fanout_heartbeat and confirmed_flush_lsn", _heartbeat, needs_fanout=True),
)
