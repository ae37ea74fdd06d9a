"""The figures that an operator looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.clients.postgres.locks import Lock

# A graph says every 30 s that it lives: then it has missed ten in a row.
SILENT_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, and for how long the oldest has; None when nothing does."""

    waiting: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class LastHour:
    """Events by final state, and their number in each of the last 60 minutes, oldest first."""

    states: Mapping[str, int]
    per_minute: Sequence[int]


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from an event to its rows, over the last hour; None when there was no event."""

    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Signs of life of the pipeline.

    Attributes:
        waiting: events of two days without a final state.
        oldest_seconds: for how long the oldest of them has waited.
        passed_over: those of them without a row in the ledger, although one that is a minute
            younger is done: lost on the way, unless a backlog is being worked off.
        done_seconds: since an event was done; None where the ledger's latest minutes have none.
        versions: of the pipelines that are connected; an idle one may have no connection.
    """

    waiting: int
    oldest_seconds: float | None
    passed_over: int
    done_seconds: float | None
    versions: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSeen:
    """The last sign of life of a graph, and of which process it was.

    Attributes:
        last_seen_seconds: since the sign.
        started_seconds: since that process began to run the graph.
        version: of the pipeline.
        host: of the machine.
    """

    last_seen_seconds: float
    started_seconds: float
    version: str
    host: str

    @property
    def is_silent(self) -> bool:
        """Whether it has been silent for so long that nobody runs it any more."""
        return self.last_seen_seconds >= SILENT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSeen:
    """What holds an event type back.

    Attributes:
        state: ``paused`` by a person, or ``open`` by the breaker.
        who: the login that switched it.
        reason: why, in the words of who did.
        since_seconds: for how long.
        until_seconds: of an open breaker, until one event is tried; below zero when one is due.
        waiting: events of the type that wait.
    """

    state: str
    who: str
    reason: str | None
    since_seconds: float
    until_seconds: float | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherProgram:
    """Another program that works on the same events: its ``processor_id``, and since when not."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """The replication slot of change data capture.

    Attributes:
        active: whether someone reads it.
        wal_status: the server's word: ``reserved``, ``extended``, ``unreserved`` or ``lost``.
        lag_bytes: log written since the position that the reader confirmed.
        kept_bytes: log that the server keeps for it.
        left_bytes: log that may still be written before it is lost; None without a limit.
        inactive_seconds: since when nobody reads it; None before Postgres 17.
        invalidation_reason: why the server gave it up, in its own word; None before Postgres 17.
        synced: whether it is a standby's copy of the primary's.
    """

    active: bool
    wal_status: str | None
    lag_bytes: int | None
    kept_bytes: int | None
    left_bytes: int | None
    inactive_seconds: float | None
    invalidation_reason: str | None
    synced: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Open dead letters of one cause; ``sample_event_id`` is the latest that names an event."""

    fingerprint: str
    error_class: str
    stage: str
    message: str
    letters: int
    first_seen_seconds: float
    last_seen_seconds: float
    sample_event_id: int | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """How many are open, and the causes seen last."""

    open: int
    causes: int
    latest: Sequence[Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFigures:
    """Everything at one moment; a part is None where there is nothing, or ``not_visible`` names it.

    Attributes:
        database: the database's name.
        taken_at: ISO 8601, by the server's clock.
        has_events: whether there is any event at all.
        queues: by ``events``, ``paused``, ``emails:immediate`` and ``emails:aggregated``.
        graphs: by name, those that ever ran here.
        switches: by event type, what is held back now.
        slot_name: of the slot that was looked for.
        idle_slot_seconds: after which the server gives up a slot that nobody reads; None without
            such a limit.
        heartbeat_seconds: age of the last sign of life of change data capture.
        log_bytes: write-ahead log on the server's disk.
        not_visible: the parts that this role may not read.
        locked: the parts whose tables are locked.
        locks: on our tables, that others wait for or would have to.
    """

    database: str
    taken_at: str
    has_events: bool | None
    queues: Mapping[str, Queue] | None
    pipeline: Pipeline | None
    graphs: Mapping[str, GraphSeen] | None
    switches: Mapping[str, SwitchSeen] | None
    other_program: OtherProgram | None
    last_hour: LastHour | None
    latency: Latency | None
    slot_name: str
    slot: SlotFigures | None
    idle_slot_seconds: int | None
    heartbeat_seconds: float | None
    log_bytes: int | None
    dead_letters: DeadLetters | None
    not_visible: Sequence[str]
    locked: Sequence[str] = ()
    locks: Sequence[Lock] | None = ()
