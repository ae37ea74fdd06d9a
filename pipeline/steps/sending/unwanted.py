"""Which pushes people do not want, or may not view any more: what they tell in, why not out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventType
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.preferences import Preference, Scope

# What these tell is that access was lost.
TELL_LOSS: Final = frozenset({EventType("project_access_revoked")})
_EVENTS: Final = "domain_events:"

_UNWANTED: Final = load(__package__, "unwanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTold:
    """What a push tells, as its delivery says.

    Attributes:
        number: identifies it among those that are asked about.
        user_id: the person.
        cause: of the delivery: an event, or another row.
        kind: of the delivery: an event type, or what a service wrote.
        is_critical: whether only a mute of push itself keeps it back.
    """

    number: int
    user_id: UUID
    cause: str
    kind: str
    is_critical: bool


def read_unwanted(
    connection: Connection[Any], told: Sequence[PushTold], channel: Channel = Channel.PUSH
) -> Mapping[int, str]:
    """Return why people do not get pushes: ``muted`` or ``no_access``, by number. One statement.

    Args:
        connection: to a database with the tables of the fan-out.
        told: what they would get.
        channel: on which they would get it.
    """
    if not told:
        return {}
    preferences = [_preference(each.kind) for each in told]
    parameters = {
        "channel": channel,
        "numbers": [each.number for each in told],
        "users": [each.user_id for each in told],
        "events": [_event(each.cause) for each in told],
        "names": [each.name for each in preferences],
        "reaches": [each.scope.value for each in preferences],
        "critical": [each.is_critical for each in told],
        "tell_loss": [each.kind in TELL_LOSS for each in told],
    }
    return dict(connection.execute(_UNWANTED, parameters).fetchall())


def _preference(kind: str) -> Preference:
    handler = HANDLERS.get(EventType(kind))
    # What another service notifies of is in no project and no thread of ours.
    return Preference(kind, Scope.GLOBAL) if handler is None else handler.preference


def _event(cause: str) -> int | None:
    id_ = cause.removeprefix(_EVENTS)
    return int(id_) if id_ != cause and id_.isdecimal() else None
