"""Writes the audit row of an action: before it, and once more when it has ended."""

from typing import Final
from uuid import UUID

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.settings import DatabaseSettings

_BEGIN: Final = load(__package__, "begin")
_FINISH: Final = load(__package__, "finish")


def begin(
    database: DatabaseSettings, record: UUID, *, who: str, identity: str, action: str, target: str
) -> None:
    """Record that an action begins. If this fails, do not begin it.

    Args:
        database: with the login of an operator.
        record: the id of the row.
        who: the name of a token, or the address of a person.
        identity: how they were recognised: ``token``, ``iap`` or ``oidc``.
        action: what is done, such as ``POST /v1/replays``.
        target: what it is done to, such as ``event_id=42``.

    Raises:
        TransientError: the database does not answer.
    """
    parameters = {"id": record, "who": who, "identity": identity, "action": action}
    with_connection(
        database, lambda each: each.execute(_BEGIN, {**parameters, "target": target or None})
    )


def finish(
    database: DatabaseSettings, record: UUID, *, target: str, status: int, result: str
) -> None:
    """Record how an action ended. The first record of an end stays.

    Raises:
        TransientError: the database does not answer.
    """
    parameters = {"id": record, "target": target or None, "status": status, "result": result}
    with_connection(database, lambda each: each.execute(_FINISH, parameters))
