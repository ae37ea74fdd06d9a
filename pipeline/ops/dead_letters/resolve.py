"""Close dead letters by hand: who said so and why is kept, and so is the letter."""

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
    """Resolve the open letters of a cause, or one letter; gives their number.

    The ledger stays as it is: a resolved letter does not make its event complete.

    Raises:
        UsageError: the reason is empty.
        NotFound: there is no such open letter.
        ConfigurationError: this user may not.
    """
    if not reason.strip():
        raise UsageError("--reason is empty: say why, for whoever asks later")
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
