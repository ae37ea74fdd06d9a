"""The types of the figures that an operator looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.clients.postgres.locks import Lock
from pipeline.ops.jobs.kept import LedgerMark, RevokedGrants
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.push.figures import ChannelFigures
from pipeline.ops.reactions.figures import ReactionFigures

# A graph writes a sign of life every 4 s. After this time a person is called: a restart, or an
# update on Dataflow, takes less.
SILENT_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Queue:
    """How many wait, and how long the oldest has waited; None if none waits."""

    waiting: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class LastHour:
    """Events per final state, and events in each of the last 60 minutes, oldest first."""

    states: Mapping[str, int]
    per_minute: Sequence[int]


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from an event to its rows, over the last hour; None if there was no event."""

    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Signs of life of the pipeline.

    Attributes:
        waiting: events of the last two days without a final state.
        oldest_seconds: how long the oldest of them has waited.
        passed_over: those of them without a row in the ledger, although an event that is a minute
            younger has a final state. They were lost, unless the pipeline works off a backlog.
        done_seconds: seconds since an event got a final state; None if the latest minutes of the
            ledger have none.
        versions: the versions of the connected pipelines. An idle one may have no connection.
    """

    waiting: int
    oldest_seconds: float | None
    passed_over: int
    done_seconds: float | None
    versions: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSeen:
    """The last sign of life of a graph, and the process that wrote it.

    Attributes:
        last_seen_seconds: seconds since the sign of life.
        started_seconds: seconds since that process started the graph.
        version: the version of the pipeline.
        host: the name of the machine.
    """

    last_seen_seconds: float
    started_seconds: float
    version: str
    host: str

    @property
    def is_silent(self) -> bool:
        """Whether signs of life have been missing for so long that no process runs the graph."""
        return self.last_seen_seconds >= SILENT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSeen:
    """The switch that holds an event type back.

    Attributes:
        state: ``paused`` by a person, or ``open`` by the breaker.
        who: the login that set the switch.
        reason: why, in that person's words or the breaker's.
        since_seconds: seconds since the switch was set.
        until_seconds: for an open breaker, seconds until one event is tried; negative if it is due.
        waiting: how many events of the type wait.
    """

    state: str
    who: str
    reason: str | None
    since_seconds: float
    until_seconds: float | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """A scheduled job.

    Attributes:
        done_seconds: seconds since its last run that succeeded; None if there is none.
        overdue: whether two of its periods passed without such a run, and it is not paused.
        state: of its last run; None if it never ran.
    """

    done_seconds: float | None
    overdue: bool
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherProgram:
    """Another program that processes the same events.

    Attributes:
        name: its ``processor_id``.
        seconds: seconds since its last event.
    """

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """The replication slot of change data capture.

    Attributes:
        active: whether a process reads the slot.
        wal_status: the server's word: ``reserved``, ``extended``, ``unreserved`` or ``lost``.
        lag_bytes: log written since the position that the reader confirmed.
        kept_bytes: log that the server keeps for the slot.
        left_bytes: log that may still be written before the slot is lost; None without a limit.
        inactive_seconds: how long no process has read the slot; None before Postgres 17.
        invalidation_reason: the server's word for why it invalidated the slot; None before
            Postgres 17.
        synced: whether the slot is a standby's copy of the primary's slot.
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
    """Open dead letters of one cause. ``sample_event_id`` is the latest of their events, if any."""

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
    """The number of open dead letters and of their causes, and the causes seen last."""

    open: int
    causes: int
    latest: Sequence[Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFigures:
    """All figures at one moment. A part without a value, or that could not be read, is None.

    Attributes:
        database: the database's name.
        taken_at: the time of the reading by the server's clock, in ISO 8601.
        has_events: whether ``domain_events`` has a row.
        queues: by ``events``, ``paused``, ``emails:immediate`` and ``emails:aggregated``.
        graphs: the graphs that ever ran here, by name.
        switches: the event types and jobs that are held back now.
        jobs: the scheduled jobs, by name; None if the database lacks their tables.
        overdue_jobs: how many of them are overdue.
        mails: how mails stand; None if the database lacks their tables.
        pushes: how pushes stand, by ``bus``, ``fcm`` and ``webhook``; None without their tables.
        reactions: how events of reactions stand; None without their tables.
        slot_name: the name of the slot that was looked for.
        idle_slot_seconds: the server invalidates a slot that nobody reads for this long; None
            without such a limit.
        heartbeat_seconds: age of the last heartbeat of change data capture.
        log_bytes: write-ahead log on the server's disk.
        retention: the mark of the ledger; None without the tables of the jobs.
        calendar_grants: revoked grants of calendars; None without the tables of the jobs.
        not_installed: the parts that a database with only the kernel does not have.
        not_visible: the parts that this role may not read.
        locked: the parts whose tables are locked.
        locks: long locks on our tables that block other sessions or would block them.
    """

    database: str
    taken_at: str
    has_events: bool | None
    queues: Mapping[str, Queue] | None
    pipeline: Pipeline | None
    graphs: Mapping[str, GraphSeen] | None
    switches: Mapping[str, SwitchSeen] | None
    jobs: Mapping[str, JobFigures] | None
    overdue_jobs: int | None
    mails: MailFigures | None
    pushes: Mapping[str, ChannelFigures] | None
    reactions: ReactionFigures | None
    other_program: OtherProgram | None
    last_hour: LastHour | None
    latency: Latency | None
    slot_name: str
    slot: SlotFigures | None
    idle_slot_seconds: int | None
    heartbeat_seconds: float | None
    log_bytes: int | None
    dead_letters: DeadLetters | None
    retention: LedgerMark | None
    calendar_grants: RevokedGrants | None
    not_installed: Sequence[str]
    not_visible: Sequence[str]
    locked: Sequence[str] = ()
    locks: Sequence[Lock] | None = ()
