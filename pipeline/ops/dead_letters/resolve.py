"""Resolves dead letters by hand. The letter is kept, with the person and the reason."""

from typing import Any, Final

import psycopg
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError, NotFound, UsageError
from pipeline.settings import DatabaseSettings

_RESOLVE: Final = load("pipeline.ops.dead_letters", "resolve")


def resolve(
    database: DatabaseSettings,
    *,
    reason: str,
    fingerprint: str | None = None,
    letter_id: int | None = None,
) -> int:
    """Resolve the open letters of a cause, or one letter; return how many.

    The ledger does not change: a resolved letter does not complete its event.

    Raises:
        UsageError: the reason is empty.
        NotFound: no open letter matches.
        ConfigurationError: this user may not resolve dead letters.
    """
    if not reason.strip():
        raise UsageError("--reason is empty: say why, for the record")
    parameters = {"reason": reason, "fingerprint": fingerprint, "letter_id": letter_id}

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
        raise NotFound(f"no open dead letter {what}: see dead-letters list")
    return resolved
