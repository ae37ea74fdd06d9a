"""Reads how events of reactions stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.sql import load
from pipeline.domain.units import counted, duration

# A graph that runs takes what is due within a second. An event that is due for so long is stuck.
STUCK_SECONDS: Final = 300.0
# Of types without a handler, as many are named.
MOST_TYPES: Final = 20

_HAS_REACTIONS: Final = load(__package__, "has_reactions")
_STANDING: Final = load(__package__, "standing")
_UNROUTED: Final = load(__package__, "unrouted_types")
_SET_BACK: Final = load(__package__, "set_back")
_PAUSED: Final = load(__package__, "paused_types")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionFigures:
    """How events of reactions stand.

    Attributes:
        waiting: those that have not ended, without those that are paused or have no handler.
        unseen: those of them that no graph has found yet.
        due: those of them that could be taken now.
        oldest_seconds: for how long the oldest of these could be; None if there is none.
        stuck: those that could be taken for five minutes, and nobody did.
        retried: those that have failed at least once, and are tried again.
        paused: those behind a switch.
        unrouted: those without a handler.
        dead: those that failed for good.
        done_last_hour: those that were done within the last hour.
        dead_last_hour: those that failed for good within the last hour.
        p50_seconds: the median from when an event was found until it was done, within the last
            hour; None if there is none.
        unrouted_types: how many events have no handler, for the most frequent types.
        unrouted_kinds: how many types without a handler there are, the others included.
    """

    waiting: int
    unseen: int
    due: int
    oldest_seconds: float | None
    stuck: int
    retried: int
    paused: int
    unrouted: int
    dead: int
    done_last_hour: int
    dead_last_hour: int
    p50_seconds: float | None
    unrouted_types: Mapping[str, int]
    unrouted_kinds: int

    @property
    def standstills(self) -> Sequence[str]:
        """Say what keeps events from being processed."""
        if not self.stuck:
            return []
        due = duration(STUCK_SECONDS)
        return [f"{counted(self.stuck, 'event')} could be processed for {due}, nobody takes them"]


@dataclass(frozen=True, slots=True)
class SetBack:
    """Events that have ended, but whose column ``processed`` is not true.

    Attributes:
        events: how many.
        sample: one of them; None if there is none.
    """

    events: int
    sample: UUID | None


@dataclass(frozen=True, slots=True)
class UnroutedReactions:
    """Events without a handler.

    Attributes:
        events: how many.
        types: how many of each type, for the most frequent types.
        kinds: how many types there are, the others included.
    """

    events: int
    types: Mapping[str, int]
    kinds: int


def has_reactions(connection: Connection[Any]) -> bool:
    """Return whether the database has this family."""
    return connection.execute(_HAS_REACTIONS).fetchone() == (True,)


def read_reactions(connection: Connection[Any]) -> ReactionFigures | None:
    """Return how events stand; None without this family."""
    if not has_reactions(connection):
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute(_STANDING, {"stuck_seconds": STUCK_SECONDS}).fetchall()
    unrouted = read_unrouted(connection)
    return ReactionFigures(**row, unrouted_types=unrouted.types, unrouted_kinds=unrouted.kinds)


def read_unrouted(connection: Connection[Any]) -> UnroutedReactions:
    """Return the events without a handler."""
    rows = connection.execute(_UNROUTED, {"most": MOST_TYPES}).fetchall()
    types = {event_type: events for event_type, events, *_ in rows}
    return UnroutedReactions(rows[0][2] if rows else 0, types, rows[0][3] if rows else 0)


def read_paused_types(connection: Connection[Any]) -> Mapping[str, int]:
    """Return how many events of each type are paused; empty without this family."""
    if not has_reactions(connection):
        return {}
    return dict(connection.execute(_PAUSED).fetchall())


def count_paused(connection: Connection[Any], event_type: str) -> int:
    """Return how many events of a type are paused; 0 without this family."""
    return read_paused_types(connection).get(event_type, 0)


def read_set_back(connection: Connection[Any]) -> SetBack:
    """Return the events whose column ``processed`` somebody set back."""
    [row] = connection.execute(_SET_BACK).fetchall()
    return SetBack(*row)
