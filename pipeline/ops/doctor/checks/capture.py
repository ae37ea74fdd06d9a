"""Checks of change data capture: the slot, the publication and the heartbeat."""

from dataclasses import dataclass
from typing import Any, Final

from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.sql import load
from pipeline.domain.units import duration
from pipeline.ops.capture.progress import COLUMNS, narrowing, published_tables, read_beside
from pipeline.ops.doctor.check import CannotLook, Check, Finding, failed, ok, warning
from pipeline.ops.doctor.checks import slots
from pipeline.ops.doctor.checks.events_table import EVENTS, PARTITIONED, events_table
from pipeline.ops.doctor.checks.server import server
from pipeline.ops.doctor.checks.slots import find_slot
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.installed import lacks_fanout

HEARTBEAT: Final = "public.fanout_heartbeat"
# Six times Debezium's heartbeat.interval.ms.
FRESH_SECONDS: Final = 60
# From this version on, capture goes on without a missing publication. Before, it stops.
FIRST_THAT_PASSES_OVER: Final = 180_000
_CATCH_UP: Final = "; then: python -m pipeline catch-up"

_PUBLICATION: Final = load("pipeline.ops.doctor", "publication")
_HEARTBEAT: Final = load("pipeline.ops.doctor", "heartbeat")


def _publication(installation: Installation) -> Finding:
    name = installation.names.publication
    connection = installation.connection()
    with working(connection):
        beside = read_beside(connection)
    rows = installation.rows(_PUBLICATION, publication=name, beside=beside)
    with_fanout = not lacks_fanout(connection)
    table = events_table(installation)
    if with_fanout and table.kind is None:
        raise CannotLook(f"{EVENTS} does not exist")
    wanted = _Wanted(
        publication=name,
        with_fanout=with_fanout,
        via_root=with_fanout and table.kind == PARTITIONED,
        beside=tuple(beside),
    )
    if not rows:
        if server(installation).version_number >= FIRST_THAT_PASSES_OVER:
            return failed(
                f"there is no publication {name}: events are passed over",
                f"{wanted.creation}{wanted.rest}",
            )
        return failed(
            f"there is no publication {name}: Debezium stops at the next event",
            f"{wanted.creation}; then a new slot: docs/runbook.md, The replication slot was lost",
        )
    return _judge_publication(wanted, rows[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be published.

    Attributes:
        publication: its name.
        with_fanout: whether the events of the fan-out are published. The other families find rows
            that were not captured themselves.
        via_root: whether partitions are published under the name of their table.
        beside: the tables of other families that the database has.
    """

    publication: str
    with_fanout: bool
    via_root: bool
    beside: tuple[str, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        events = (EVENTS,) if self.with_fanout else ()
        return tuple(sorted((*events, HEARTBEAT, *self.beside)))

    @property
    def rest(self) -> str:
        """What is to be done about rows that were not captured."""
        return _CATCH_UP if self.with_fanout else ""

    @property
    def creation(self) -> str:
        tables = published_tables(beside=self.beside, with_fanout=self.with_fanout)
        root = ", publish_via_partition_root = true" if self.via_root else ""
        return (
            f"CREATE PUBLICATION {self.publication} FOR TABLE {tables}"
            f" WITH (publish = 'insert'{root})"
        )

    def setting(self, found: Any) -> str:  # noqa: ANN401 - a row
        name = self.publication
        if found.is_of_all_tables:
            # Postgres cannot alter a publication FOR ALL TABLES into one of some tables.
            return f"BEGIN; DROP PUBLICATION {name}; {self.creation}; COMMIT"
        tables = narrowing(name, beside=self.beside, with_fanout=self.with_fanout)
        if self.via_root and not found.via_root:
            # This comes first: a list of columns is not allowed for the partitions.
            return f"ALTER PUBLICATION {name} SET (publish_via_partition_root = true); {tables}"
        return tables


def _judge_publication(wanted: _Wanted, found: Any) -> Finding:  # noqa: ANN401 - a row
    lacking = sorted(set(COLUMNS) - set(found.columns)) if wanted.with_fanout else []
    if tuple(found.tables) != wanted.tables or found.filtered or lacking:
        left_out = [f"all rows of {', '.join(found.filtered)}"] if found.filtered else []
        left_out += [f"the columns {', '.join(lacking)}"] if found.columns and lacking else []
        return failed(
            f"publishes {_some(found.tables)}"
            + (f", not {' and '.join(left_out)}" if left_out else ""),
            f"{wanted.setting(found)}{wanted.rest}",
        )
    if not found.inserts or found.other_kinds:
        return failed(
            "publishes other changes than inserts" if found.inserts else "publishes no inserts",
            f"ALTER PUBLICATION {wanted.publication} SET (publish = 'insert')"
            + ("" if found.inserts else wanted.rest),
        )
    if found.wide:
        return failed(f"publishes other columns of {_some(found.wide)}", wanted.setting(found))
    if wanted.with_fanout and set(found.columns) != set(COLUMNS):
        return warning(
            "publishes whole events: in an older Debezium, an event of over 10 MB stops capture",
            "python -m pipeline capture says what must happen before ids are enough",
        )
    into = ", ".join([*(["domain_events"] if wanted.with_fanout else []), *wanted.beside])
    if not into:
        return ok("inserts into fanout_heartbeat")
    return ok(f"inserts into {into}, only ids and times, and into fanout_heartbeat")


def _some(tables: list[str]) -> str:
    shown = 6
    more = f" and {len(tables) - shown} more" if len(tables) > shown else ""
    return f"{', '.join(tables[:shown]) or 'nothing'}{more}"


def _heartbeat(installation: Installation) -> Finding:
    if slots.is_unused(installation):
        return ok(slots.UNUSED)
    if server(installation).is_standby:
        raise CannotLook("this is a standby")
    slot = find_slot(installation)
    if not slot.active:
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
            "see its log: a topic may be missing, Pub/Sub may not answer, or it has a backlog"
            + ("; until then: python -m pipeline catch-up" if slot.with_fanout else ""),
        )
    return ok(f"{duration(age)} ago")


CHECKS: Final = (
    *slots.CHECKS,
    Check("publication", "pg_publication_tables", _publication),
    Check("heartbeat", "fanout_heartbeat and confirmed_flush_lsn", _heartbeat),
)
