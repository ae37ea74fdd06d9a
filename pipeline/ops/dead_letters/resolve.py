"""Resolves dead letters by hand. The letter is kept, with the person and the reason."""

from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError, NotFound, UsageError
from pipeline.ops.dead_letters.read import key_of
from pipeline.settings import DatabaseSettings

_RESOLVE: Final = load("pipeline.ops.dead_letters", "resolve")


def resolve(
    database: DatabaseSettings,
    *,
    reason: str,
    fingerprint: str | None = None,
    letter_id: int | None = None,
    event_id: int | UUID | None = None,
) -> int:
    """Resolve the open letters of a cause, or one letter, or that of an event; return how many.

    The ledger does not change: a resolved letter does not complete its event.

    Raises:
        UsageError: the reason is empty.
        NotFound: no open letter matches.
        ConfigurationError: this user may not resolve dead letters.
    """
    if not reason.strip():
        raise UsageError("--reason is empty: say why, for the record")
    parameters = {
        "reason": reason,
        "fingerprint": fingerprint,
        "letter_id": letter_id,
        "letter_key": None if event_id is None else key_of(event_id),
    }

    def execute(connection: Connection[Any]) -> int:
        try:
            return connection.execute(_RESOLVE, parameters).rowcount
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigurationError(
                "this user may not resolve dead letters: connect as a member of fanout_operator"
            ) from None

    resolved = with_connection(database, execute)
    if not resolved:
        what = f"has the fingerprint {fingerprint!r}" if fingerprint else f"has the id {letter_id}"
        if event_id is not None:
            what = f"is of event {event_id}"
        raise NotFound(f"no open dead letter {what}: see dead-letters list")
    return resolved
