"""Reads the account of one event of reactions in one read-only snapshot."""

from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import NotFound
from pipeline.domain.identifiers import EventType
from pipeline.ops.reactions.account import Consequence, ReactionAccount, ReactionSeen, ReactionTry
from pipeline.ops.reactions.present import check_reactions
from pipeline.ops.why.account import EventLetter
from pipeline.ops.why.caused import read_caused
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.settings import DatabaseSettings

RowT = TypeVar("RowT")

_EVENT: Final = load(__package__, "event")
_TRIES: Final = load(__package__, "tries")
_LETTER: Final = load(__package__, "letter_of")
_CAME_OF_IT: Final = load(__package__, "came_of_it")


def read_reaction(settings: DatabaseSettings, event_id: UUID) -> ReactionAccount:
    """Return what became of an event of reactions.

    Args:
        settings: the database. The login of a viewer is enough.
        event_id: its id in ``reactions.events``.

    Raises:
        NotFound: the event does not exist.
        TransientError: the database does not answer now.
        ConfigurationError: this user may not read it, or the database lacks this family.
    """
    check_reactions(settings)

    def read(connection: Connection[Any]) -> ReactionAccount:
        found = _rows(connection, ReactionSeen, _EVENT, event_id)
        if not found:
            raise NotFound(
                f"reactions.events has no event {event_id}: it was deleted, or never written"
            )
        letters = _rows(connection, EventLetter, _LETTER, event_id)
        return ReactionAccount(
            event=found[0],
            has_handler=EventType(found[0].type) in REACTION_HANDLERS,
            tries=_rows(connection, ReactionTry, _TRIES, event_id),
            letter=letters[0] if letters else None,
            came_of_it=_rows(connection, Consequence, _CAME_OF_IT, event_id),
            deliveries=read_caused(connection, f"events:{event_id}"),
        )

    return with_connection(settings, read, snapshot=True)


def _rows(
    connection: Connection[Any], kind: type[RowT], statement: bytes, event_id: UUID
) -> list[RowT]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, {"reaction": event_id}).fetchall()
