"""Lists API tokens, and looks up whose a token is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.scope import CallerScope
from pipeline.settings import DatabaseSettings

_TOKENS: Final = load(__package__, "tokens")
_USE: Final = load(__package__, "use_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """What is known of a token. The token itself is stored nowhere.

    Attributes:
        name: identifies it.
        state: ``active``, ``expired`` or ``revoked``.
        scopes: what its holder may do.
        created_by: the database login that created it.
        last_used_at: to five minutes; None: never.
    """

    name: str
    state: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolder:
    """Who holds a valid token.

    Attributes:
        name: of the token.
        scopes: what they may do.
    """

    name: str
    scopes: frozenset[CallerScope]


def list_tokens(settings: DatabaseSettings) -> list[StoredToken]:
    """Return every token, the newest first, with the login of an operator."""

    def work(connection: Connection[Any]) -> list[StoredToken]:
        with connection.cursor(row_factory=class_row(StoredToken)) as cursor:
            return cursor.execute(_TOKENS).fetchall()

    check_database(settings)
    return with_connection(settings, work)


def holder_of(settings: DatabaseSettings, sha256: bytes) -> TokenHolder | None:
    """Return who holds a token; None if it is unknown, expired or revoked.

    Args:
        settings: the database, with the login of a viewer or an operator.
        sha256: the hash of the token, from ``digest``.

    Raises:
        TransientError: the database does not answer.
    """
    rows = with_connection(
        settings, lambda connection: connection.execute(_USE, {"sha256": sha256}).fetchall()
    )
    if not rows:
        return None
    name, scopes = rows[0]
    return TokenHolder(name=name, scopes=frozenset(map(CallerScope, scopes)))
