"""Takes the key of a request, and keeps its answer for who sends the request again."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.settings import DatabaseSettings

# How long an answer is kept.
KEPT_HOURS: Final = 24
# Whoever took a key and has not answered after this time has died. No request may take as long.
HELD_SECONDS: Final = 60
# Each taking deletes this many old keys at most, so that they never pile up.
_DELETED: Final = 20

_TAKE: Final = load(__package__, "take_key")
_READ: Final = load(__package__, "read_key")
_STORE: Final = load(__package__, "store_answer")
_FREE: Final = load(__package__, "free_key")
_DELETE_OLD: Final = load(__package__, "delete_old_keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """What names a request. A key of one caller and route means nothing for another.

    Attributes:
        caller: who sent it.
        route: the method, and the path with the names of its parameters.
        key: the key that the caller chose.
    """

    caller: str
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer that was given first. ``body`` is JSON."""

    status: int
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """The right to do the request."""

    token: UUID


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """The request cannot be done: the same is being done, or an ``other`` one used the key."""

    other: bool


def take_key(
    database: DatabaseSettings, key: RequestKey, digest: bytes
) -> KeyTaken | StoredAnswer | KeyInUse:
    """Take a key for a request, or say what became of the request that took it.

    Args:
        database: with the login of an operator.
        key: names the request.
        digest: the SHA-256 of the request. The same key with another digest is a mistake.

    Raises:
        TransientError: the database does not answer.
    """
    named, token = asdict(key), uuid4()
    asked = {
        **named,
        "request": digest,
        "token": token,
        "hours": KEPT_HOURS,
        "seconds": HELD_SECONDS,
    }

    def work(connection: Connection[Any]) -> KeyTaken | StoredAnswer | KeyInUse | None:
        connection.execute(_DELETE_OLD, {"hours": KEPT_HOURS, "most": _DELETED})
        if connection.execute(_TAKE, asked).fetchone() is not None:
            return KeyTaken(token)
        row = connection.execute(_READ, named).fetchone()
        if row is None:
            return None
        request, status, body = row
        if bytes(request) != digest:
            return KeyInUse(other=True)
        return KeyInUse(other=False) if status is None else StoredAnswer(status, body)

    found = None
    while found is None:
        # A key that was given back between the two statements is free.
        found = with_connection(database, work)
    return found


def store_answer(
    database: DatabaseSettings, key: RequestKey, taken: KeyTaken, answer: StoredAnswer
) -> None:
    """Keep the answer of the request that holds the key."""
    values = {**asdict(key), "token": taken.token, **asdict(answer)}
    with_connection(database, lambda connection: connection.execute(_STORE, values))


def free_key(database: DatabaseSettings, key: RequestKey, taken: KeyTaken) -> None:
    """Give a key back, because its request did nothing and may be sent again."""
    values = {**asdict(key), "token": taken.token}
    with_connection(database, lambda connection: connection.execute(_FREE, values))
