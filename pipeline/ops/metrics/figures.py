"""The types of the figures that a monitoring system collects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.ops.jobs.read import JobSeen
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.push.figures import ChannelFigures
from pipeline.ops.reactions.figures import ReactionFigures
from pipeline.ops.status.figures import GraphSeen, Latency, Pipeline, SlotFigures, SwitchSeen


@dataclass(frozen=True, slots=True)
class PerMinute:
    """What the events of one type that got one final state led to, a minute.

    Attributes:
        event_type: the type; None for a message that names none.
        state: the final state.
        events: their number, as a mean of the last five full minutes; so are the next two.
        notifications: in the app.
        emails: at once, or in a digest.
    """

    event_type: str | None
    state: str
    events: float
    notifications: float
    emails: float


@dataclass(frozen=True, slots=True)
class ReplaysSeen:
    """How many replays have not ended, and seconds since the last began; None if there was none."""

    running: int
    last_seconds: float | None


@dataclass(frozen=True, slots=True)
class CaptureLag:
    """How far Debezium is behind, by its own heartbeats.

    Attributes:
        heartbeat_seconds: since the newest heartbeat; None before the first.
        unconfirmed_seconds: since the oldest heartbeat that it has not published yet; None if it
            has published all.
    """

    heartbeat_seconds: float | None
    unconfirmed_seconds: float | None


@dataclass(frozen=True, slots=True)
class FailuresSeen:
    """How many dead letters of one class of error are open, and how many causes they have."""

    letters: int
    causes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFigures:
    """All figures at one moment.

    A part is None if it could not be read, or if the database lacks its family.

    Attributes:
        emails: e-mails to be sent, by ``immediate`` and ``aggregated``.
        failures: the open dead letters, by the class of the error.
        slot: of Debezium; empty if the slot does not exist. None also if it does not exist, and
            there is no fan-out that needs it.
        pushes: by channel.
        unread: how many parts could not be read: locked, slow, or not visible. Those of a family
            that is not installed are not counted.
    """

    per_minute: Sequence[PerMinute] | None
    latency: Latency | None
    pipeline: Pipeline | None
    emails: Mapping[str, int] | None
    failures: Mapping[str, FailuresSeen] | None
    slot: Sequence[SlotFigures] | None
    capture: CaptureLag | None
    graphs: Mapping[str, GraphSeen] | None
    jobs: Sequence[JobSeen] | None
    mails: MailFigures | None
    pushes: Mapping[str, ChannelFigures] | None
    reactions: ReactionFigures | None
    switches: Mapping[str, SwitchSeen] | None
    replays: ReplaysSeen | None
    unread: int
