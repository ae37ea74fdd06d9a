"""Change data capture: the slot, the log kept for it, the publication and the heartbeat."""

from dataclasses import dataclass
from typing import Final

from pipeline.ops.capture.progress import COLUMNS, NARROW, PUBLICATION
from pipeline.ops.doctor.check import CannotLook, Check, Finding, failed, ok, warning
from pipeline.ops.doctor.checks.server import server
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.status.read import SLOT
from pipeline.ops.status.units import duration, size
from pipeline.postgres.sql import load

PUBLISHED: Final = ("public.domain_events", "public.fanout_heartbeat")
TABLES: Final = f"public.domain_events ({', '.join(COLUMNS)}), public.fanout_heartbeat"
PLUGIN: Final = "pgoutput"
# Six times heartbeat.interval.ms.
FRESH_SECONDS: Final = 60
FIRST_WITH_FAILOVER: Final = 170_000
# Of max_slot_wal_keep_size: what may still be written before the slot is lost.
ENOUGH_LEFT: Final = 0.5
LITTLE_LEFT: Final = 0.2

_SLOT: Final = load("pipeline.ops.doctor", "slot")
_PUBLICATION: Final = load("pipeline.ops.doctor", "publication")
_HEARTBEAT: Final = load("pipeline.ops.doctor", "heartbeat")
_NEW_SLOT: Final = (
    f"stop Debezium, SELECT pg_drop_replication_slot('{SLOT}'), remove its offsets, start it,"
    " then: python -m pipeline catch-up"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A row of slot.sql; ``left_bytes`` is None without a limit, or when the slot is lost."""

    database: str
    plugin: str
    active: bool
    wal_status: str
    failover: bool | None
    inactive_seconds: float | None
    left_bytes: int | None
    kept_bytes: int | None


def judge_slot(slot: Slot, database: str) -> Finding:
    """Whether events of this database are being captured."""
    if slot.database != database:
        return failed(
            f"slot {SLOT} belongs to the database {slot.database}, not to {database}",
            "give this installation a slot.name and a publication.name of its own",
        )
    if slot.plugin != PLUGIN:
        return failed(f"slot {SLOT} has the plugin {slot.plugin}, not {PLUGIN}", _NEW_SLOT)
    if slot.wal_status == "lost":
        return failed("the log that the slot needs is gone: events were missed", _NEW_SLOT)
    if not slot.active:
        silent = slot.inactive_seconds
        since = "" if silent is None else f" for {duration(silent)}"
        return failed(f"nobody has read the slot{since}", "start Debezium, or see why it stopped")
    return ok(f"{SLOT}, {PLUGIN}, active, log {slot.wal_status}")


def judge_kept_log(slot: Slot, limit: int) -> Finding:
    """Whether the slot is about to be lost; ``limit`` is max_slot_wal_keep_size in bytes."""
    if slot.left_bytes is None or slot.kept_bytes is None:
        return failed("the log that the slot needs is gone", _NEW_SLOT)
    seen = f"{size(slot.kept_bytes)} kept, {size(slot.left_bytes)} left until it is lost"
    share = slot.left_bytes / limit if limit else 0
    if slot.wal_status == "unreserved" or share < LITTLE_LEFT:
        return failed(seen, "start Debezium; or raise max_slot_wal_keep_size, if the disk has room")
    if share < ENOUGH_LEFT:
        return warning(seen, "see why Debezium is behind")
    return ok(seen)


def _find_slot(installation: Installation) -> Slot:
    rows = installation.rows(_SLOT, slot=SLOT)
    if not rows:
        raise CannotLook(f"there is no slot {SLOT}")
    return Slot(*rows[0])


def _slot(installation: Installation) -> Finding:
    try:
        slot = _find_slot(installation)
    except CannotLook as missing:
        return failed(
            f"{missing}: nothing is captured",
            "start Debezium, which makes it; if it stops: remove its offsets, then catch up",
        )
    return judge_slot(slot, server(installation).database)


def _failover(installation: Installation) -> Finding:
    slot = _find_slot(installation)
    row = server(installation)
    if row.version_number < FIRST_WITH_FAILOVER:
        return warning(
            f"Postgres {row.version} keeps no slot through a failover",
            "after one, run: python -m pipeline catch-up; or upgrade to 17",
        )
    if not slot.failover:
        return warning(
            "a standby that takes over would not have the slot",
            f"ALTER_REPLICATION_SLOT {SLOT} (FAILOVER) in a replication connection,"
            " or have Debezium make it anew with slot.failover=true",
        )
    return ok("a standby may take over with the slot")


def _kept_log(installation: Installation) -> Finding:
    row = server(installation)
    if row.keep_bytes < 0:
        return warning(
            "max_slot_wal_keep_size is not set: without a reader the log fills the disk",
            "set it to a day of log, but less than half of the disk",
        )
    try:
        slot = _find_slot(installation)
    except CannotLook as missing:
        return ok(f"at most {size(row.keep_bytes)}; {missing}")
    return judge_kept_log(slot, row.keep_bytes)


def _publication(installation: Installation) -> Finding:
    rows = installation.rows(_PUBLICATION, publication=PUBLICATION)
    if not rows:
        return failed(
            f"there is no publication {PUBLICATION}: events are passed over",
            f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {TABLES} WITH (publish = 'insert');"
            " then: python -m pipeline catch-up",
        )
    found = rows[0]
    lacking = sorted(set(COLUMNS) - set(found.columns))
    if tuple(found.tables) != PUBLISHED or found.filtered or lacking:
        left_out = [f"all rows of {', '.join(found.filtered)}"] if found.filtered else []
        left_out += [f"the columns {', '.join(lacking)}"] if found.columns and lacking else []
        return failed(
            f"publishes {', '.join(found.tables) or 'nothing'}"
            + (f", not {' and '.join(left_out)}" if left_out else ""),
            f"{NARROW}; then: python -m pipeline catch-up",
        )
    if not found.inserts or found.other_kinds:
        return failed(
            "publishes other changes than inserts",
            f"ALTER PUBLICATION {PUBLICATION} SET (publish = 'insert')",
        )
    if set(found.columns) != set(COLUMNS):
        return warning(
            "whole events are captured, and one of 11 MB would stop capture for all",
            "python -m pipeline capture says what is missing until ids are enough",
        )
    return ok("inserts into domain_events, ids and times alone, and into fanout_heartbeat")


def _heartbeat(installation: Installation) -> Finding:
    if not _find_slot(installation).active:
        raise CannotLook("nobody reads the slot")
    rows = installation.rows(_HEARTBEAT)
    age = rows[0].age_seconds if rows else None
    if age is not None and age < FRESH_SECONDS:
        return ok(f"{duration(age)} ago")
    return failed(
        "none yet" if age is None else f"the last one {duration(age)} ago",
        "see Debezium's log: it may lack INSERT and DELETE on fanout_heartbeat, or hang",
    )


CHECKS: Final = (
    Check("slot", "pg_replication_slots", _slot),
    Check("slot failover", "pg_replication_slots.failover", _failover),
    Check("log kept", "max_slot_wal_keep_size and safe_wal_size", _kept_log),
    Check("publication", "pg_publication_tables", _publication),
    Check("heartbeat", "fanout_heartbeat", _heartbeat),
)
