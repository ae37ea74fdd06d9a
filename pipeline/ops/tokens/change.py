"""Creates and revokes API tokens."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg import Connection
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError, NotFound, UsageError
from pipeline.domain.scope import CallerScope
from pipeline.ops.tokens.secret import digest, new_token
from pipeline.settings import DatabaseSettings

_CREATE: Final = load(__package__, "create")
_REVOKE: Final = load(__package__, "revoke")
_NAME: Final = re.compile("[a-z0-9][a-z0-9._-]{0,62}")
_QUOTED: Final = 80
_LONGEST: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was created.

    Attributes:
        name: identifies it in lists and in the audit.
        token: the token itself. This is the only time that anybody sees it.
        scopes: what its holder may do.
        expires_at: when it stops working; None: never.
    """

    name: str
    token: str = field(repr=False)
    scopes: list[CallerScope]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedToken:
    """A token that was revoked.

    Attributes:
        before: whether it was revoked already; ``revoked_at`` is then of that time.
    """

    name: str
    revoked_at: datetime
    before: bool


def create_token(
    settings: DatabaseSettings,
    name: str,
    scopes: Collection[CallerScope],
    *,
    expires_in: timedelta | None = None,
) -> NewToken:
    """Create a token. Only its hash is stored.

    Args:
        settings: the database, with the login of an operator.
        name: what it is called: who uses it, and for what.
        scopes: what its holder may do; at least one.
        expires_in: how long it works; None: until it is revoked.

    Raises:
        UsageError: the name is invalid or taken, no scope is given, or it would expire at once.
        ConfigurationError: the login is not an operator's.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"invalid name {name[:_QUOTED]!r}: expected at most 63 of a-z, 0-9, '.', '_' and '-',"
            " such as grafana"
        )
    if not scopes:
        raise UsageError(f"no scope: pass one or more of {', '.join(CallerScope)}")
    if expires_in is not None and not timedelta(0) < expires_in <= _LONGEST:
        raise UsageError(
            f"invalid time until it expires: expected more than 0s, at most {_LONGEST.days}d"
        )
    token = new_token()
    parameters = {
        "id": uuid4(),
        "audit": uuid4(),
        "name": name,
        "sha256": digest(token),
        "scopes": sorted(scopes),
        "expires_in": expires_in,
    }
    rows = _changed(settings, _CREATE, parameters)
    if not rows:
        raise UsageError(
            f"a token named {name!r} exists: choose another name; a name is never used again"
        )
    return NewToken(
        name=name,
        token=token,
        scopes=[CallerScope(each) for each in rows[0].scopes],
        expires_at=rows[0].expires_at,
    )


def revoke_token(settings: DatabaseSettings, name: str) -> RevokedToken:
    """Revoke a token. Every running service refuses it within 10 s.

    Raises:
        NotFound: no token has this name.
        ConfigurationError: the login is not an operator's.
    """
    rows = _changed(settings, _REVOKE, {"name": name, "audit": uuid4()})
    if not rows:
        raise NotFound(
            f"no token {name[:_QUOTED]!r}: python -m pipeline tokens list shows their names"
        )
    return RevokedToken(**rows[0]._asdict())


def _changed(settings: DatabaseSettings, statement: bytes, parameters: dict[str, Any]) -> list[Any]:
    def work(connection: Connection[Any]) -> list[Any]:
        try:
            with connection.cursor(row_factory=namedtuple_row) as cursor:
                return cursor.execute(statement, parameters).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigurationError(
                "this user may not change tokens: connect as a member of fanout_operator"
            ) from None

    check_database(settings)
    return with_connection(settings, work)
