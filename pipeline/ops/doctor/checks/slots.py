"""Checks of Debezium's replication slot, and of the log that the server keeps for it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.sql import load
from pipeline.domain.units import duration, size
from pipeline.ops.capture.progress import read_beside
from pipeline.ops.doctor.check import CannotLook, Check, Finding, failed, ok, warning
from pipeline.ops.doctor.checks.server import Server, server
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.installed import lacks_fanout

PLUGIN: Final = "pgoutput"
FIRST_WITH_FAILOVER: Final = 170_000
# Shares of max_slot_wal_keep_size that may still be written before the slot is lost.
ENOUGH_LEFT: Final = 0.5
LITTLE_LEFT: Final = 0.2
# The slot should survive if Debezium is down for a night and a morning.
LONG_ENOUGH: Final = timedelta(days=1)
# By the server's word for why it invalidated a slot: the words for a person, and how to prevent it.
REASONS: Final = {
    "wal_removed": (
        "more log than max_slot_wal_keep_size was written while nobody read the slot",
        "raise max_slot_wal_keep_size, if the disk has room",
    ),
    "idle_timeout": (
        "nobody read the slot for longer than idle_replication_slot_timeout",
        "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()",
    ),
    "rows_removed": (
        "the primary removed rows that this standby's copy needs",
        "set hot_standby_feedback = on on the standby",
    ),
    "wal_level_insufficient": (
        "wal_level is no longer logical",
        "ALTER SYSTEM SET wal_level = 'logical', then restart the server",
    ),
}

_CATCH_UP: Final = ", then: python -m pipeline catch-up"
# Of a database without the fan-out, where Debezium was never started.
UNUSED: Final = "there is no slot, and without the fan-out none is needed"

_SLOT: Final = load("pipeline.ops.doctor", "slot")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """A row of slot.sql, and the name of the slot.

    Attributes:
        failover, synced, reason, inactive_seconds: None, or False, before Postgres 17.
        left_bytes: None without a limit, or if the slot is lost.
        with_fanout: whether the fan-out is installed. The other families find rows that were not
            captured themselves.
    """

    name: str
    database: str
    plugin: str
    active: bool
    wal_status: str | None
    failover: bool | None
    synced: bool
    temporary: bool
    reason: str | None
    inactive_seconds: float | None
    left_bytes: int | None
    kept_bytes: int | None
    with_fanout: bool = True

    @property
    def is_lost(self) -> bool:
        """Whether the server has invalidated the slot: Debezium cannot go on with it."""
        return self.wal_status == "lost" or self.reason is not None


def find_slot(installation: Installation) -> SlotFacts:
    """Return the slot that Debezium reads.

    Raises:
        CannotLook: the slot does not exist.
    """
    name = installation.names.slot
    rows = installation.rows(_SLOT, slot=name)
    if not rows:
        raise CannotLook(f"slot {name} does not exist")
    return SlotFacts(name=name, **rows[0]._asdict())


def judge_slot(slot: SlotFacts, database: str, *, is_standby: bool = False) -> Finding:
    """Judge whether the slot captures the events of this database."""
    if slot.database != database:
        return failed(
            f"slot {slot.name} belongs to the database {slot.database}, not to {database}",
            f"use another slot for this installation: set SLOT_NAME={_slot_name(database)} for"
            " Debezium and for this command; or correct DATABASE_URL",
        )
    if slot.plugin != PLUGIN:
        return failed(f"slot {slot.name} has the plugin {slot.plugin}, not {PLUGIN}", _new(slot))
    if slot.is_lost:
        why, remedy = REASONS.get(slot.reason or "", ("", ""))
        return failed(
            f"the log that the slot needs is gone: events were missed{why and f'; {why}'}",
            f"{remedy and f'{remedy}; then '}{_new(slot)}",
        )
    if is_standby:
        return _judge_copy(slot)
    if not slot.active:
        inactive = slot.inactive_seconds
        since = "" if inactive is None else f" for {duration(inactive)}"
        return failed(
            f"nobody has read the slot{since}",
            "start Debezium; if it stops at every start, its log says why:"
            " docs/runbook.md, Debezium stops at every start",
        )
    return ok(f"{slot.name}, {slot.plugin}, active, log {slot.wal_status}")


def judge_kept_log(slot: SlotFacts, limit: int) -> Finding:
    """Judge whether the slot is about to be lost; ``limit`` is max_slot_wal_keep_size in bytes."""
    if slot.is_lost or slot.left_bytes is None or slot.kept_bytes is None:
        return failed("the log that the slot needs is gone", _new(slot))
    seen = f"{size(slot.kept_bytes)} kept, {size(slot.left_bytes)} left until it is lost"
    share = slot.left_bytes / limit if limit else 0
    if slot.wal_status == "unreserved" or share < LITTLE_LEFT:
        return failed(seen, "start Debezium; or raise max_slot_wal_keep_size, if the disk has room")
    if share < ENOUGH_LEFT:
        return warning(seen, "see Debezium's log: why is it behind?")
    return ok(seen)


def judge_idle_limit(idle_seconds: int | None) -> Finding | None:
    """Warn if the server invalidates a slot that nobody reads for a while; else return None."""
    if not idle_seconds or idle_seconds >= LONG_ENOUGH.total_seconds():
        return None
    return warning(
        f"the slot is lost if Debezium is down for {duration(idle_seconds)}:"
        " idle_replication_slot_timeout",
        "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()",
    )


def _judge_copy(slot: SlotFacts) -> Finding:
    if slot.temporary:
        return warning(
            f"{slot.name} is behind the primary's slot: a failover now would lose it",
            "wait; if this stays, see the standby's log",
        )
    if not slot.synced:
        return warning(
            f"{slot.name} is not a copy of the primary's slot", "run doctor on the primary"
        )
    return ok(f"{slot.name}, a copy of the primary's slot, which Debezium reads")


def _slot_name(database: str) -> str:
    """Return a slot name that the server accepts, for any name of a database."""
    return f"fanout_{re.sub('[^a-z0-9_]', '_', database.lower())}"[:63]


def _new(slot: SlotFacts) -> str:
    return (
        f"stop Debezium, SELECT pg_drop_replication_slot('{slot.name}'), remove its offsets,"
        f" start it{_CATCH_UP if slot.with_fanout else ''}"
    )


def is_unused(installation: Installation) -> bool:
    """Return whether nothing is captured, and nothing has to be: no slot, and no fan-out."""
    if not lacks_fanout(installation.connection()):
        return False
    return not installation.rows(_SLOT, slot=installation.names.slot)


def _slot(installation: Installation) -> Finding:
    if is_unused(installation):
        return _judge_unused(installation)
    row = server(installation)
    try:
        slot = find_slot(installation)
    except CannotLook as missing:
        return _without_slot(row, missing)
    return judge_slot(slot, row.database, is_standby=row.is_standby)


def _judge_unused(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        tables = read_beside(connection)
    if not tables:
        return ok("only the kernel is installed: there is nothing to capture")
    return warning(
        f"slot {installation.names.slot} does not exist: {' and '.join(tables)} are not captured;"
        " the graphs look for what is new themselves",
        "to have it sooner, start Debezium, which creates the slot: debezium/README.md",
    )


def _without_slot(row: Server, missing: CannotLook) -> Finding:
    if row.is_standby:
        return warning(
            f"{missing}: after a failover no event would be captured",
            "on this standby, set sync_replication_slots = on, hot_standby_feedback = on,"
            " primary_slot_name, and a dbname in primary_conninfo; needs Postgres 17 or later",
        )
    return failed(
        f"{missing}: no event is captured",
        "start Debezium, which creates the slot; if it stops: remove its offsets, start it,"
        " then: python -m pipeline catch-up",
    )


def _failover(installation: Installation) -> Finding:
    if is_unused(installation):
        return ok(UNUSED)
    slot = find_slot(installation)
    row = server(installation)
    if row.version_number < FIRST_WITH_FAILOVER:
        return warning(
            f"Postgres {row.version} loses its slots in a failover",
            "after a failover run: python -m pipeline catch-up; or upgrade to 17",
        )
    if not slot.failover:
        return warning(
            "a failover loses the slot: standbys do not have it",
            f"stop Debezium, ALTER_REPLICATION_SLOT {slot.name} (FAILOVER) in a replication"
            " connection, start it; or let it create a new slot with slot.failover=true",
        )
    return ok("the slot is enabled for failover")


def _kept_log(installation: Installation) -> Finding:
    row = server(installation)
    if row.keep_bytes < 0:
        return warning(
            "max_slot_wal_keep_size is not set: while Debezium is down, the log may fill the disk",
            "set it to a day of log, but less than half of the disk",
        )
    try:
        slot = find_slot(installation)
    except CannotLook as missing:
        kept = ok(f"at most {size(row.keep_bytes)}; {missing}")
    else:
        kept = judge_kept_log(slot, row.keep_bytes)
    is_worse = kept.fix is not None
    return kept if is_worse else judge_idle_limit(row.idle_seconds) or kept


CHECKS: Final = (
    Check("slot", "pg_replication_slots", _slot),
    Check("slot failover", "pg_replication_slots.failover", _failover),
    Check("log kept", "max_slot_wal_keep_size and safe_wal_size", _kept_log),
)
