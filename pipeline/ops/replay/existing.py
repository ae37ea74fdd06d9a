"""What people already got from an event, by the rules of the statement that writes outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventId, UserId
from pipeline.fanout.effects import Effect, Email, Notification, ThreadActivity, channel_of
from pipeline.settings import DatabaseSettings

_EXISTING: Final = load("pipeline.ops.replay", "existing_effects")
_COUNTER: Final = "thread_activity"


@dataclass(frozen=True, slots=True)
class Existing:
    """The event, person, channel and kind of the existing rows.

    The kind is None for e-mails, and for notifications that the application wrote itself.
    """

    rows: frozenset[tuple[int, UserId, str, str | None]]

    def has(self, event_id: EventId, user_id: UserId, effect: Effect) -> bool:
        """Return whether the row of this effect already exists, so that it is not written again."""
        kinds: tuple[str | None, ...]
        match effect:
            case Email():
                kinds = (None,)
            case Notification():
                kinds = (None, effect.kind)
            case ThreadActivity():
                kinds = (None, _COUNTER)
        channel = channel_of(effect)
        return any((event_id, user_id, channel, kind) in self.rows for kind in kinds)


def read_existing(database: DatabaseSettings, ids: Sequence[EventId]) -> Existing:
    """Return all rows that people got from these events."""
    parameters = {"ids": list(ids)}

    def read(connection: Connection[Any]) -> list[tuple[Any, ...]]:
        return connection.execute(_EXISTING, parameters).fetchall()

    return Existing(frozenset(with_connection(database, read)))
