"""The installation that doctor checks: a database, and optionally Debezium and Pub/Sub."""

import math
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, Self

import psycopg
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.refusal import Refusal, read_refusal
from pipeline.clients.postgres.session import (
    CONNECT_SECONDS,
    Session,
    SessionConnection,
    working,
)
from pipeline.domain.defaults import CAPTURE_USER, GRANTED_CONNECTIONS
from pipeline.settings import CaptureNames, DatabaseSettings

# A check must not slow the database down, and must not change anything.
_SESSION: Final = Session(
    name="fanout-doctor",
    statement_timeout=timedelta(seconds=15),
    # Applies to each check, and there are many.
    lock_timeout=timedelta(seconds=1),
    read_only=True,
)

# Where all checks together have a limit, the parts of it that a statement and a lock may take.
_STATEMENTS: Final = 5
_LOCKS: Final = 40


class Unreachable(Exception):
    """Postgres accepted no connection."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.words)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class CaptureAddress:
    """Where Debezium connects, and as which user: DATABASE_HOST and so on of its process."""

    host: str
    port: int
    sslmode: str
    user: str = CAPTURE_USER
    password: str | None = field(default=None, repr=False)


@dataclass(slots=True, kw_only=True)
class Installation:
    """Opens one connection at its first use. After a failure it does not try again.

    Attributes:
        database: how the pipeline connects to it.
        capture: how Debezium connects to it, if that was given.
        names: the slot and the publication that Debezium reads.
        emulator: the value of PUBSUB_EMULATOR_HOST, if it is set.
        subscription: the subscription that the stream reads, if it was given.
        dead_letter_topic: the topic for dead letters, if it was given.
        connections: how many connections the database grants a job on Dataflow.
        session: the settings of the connection.
        connect_seconds: how long connecting may take.
        seconds: how long all checks together may take; None: each as long as it needs.
    """

    database: DatabaseSettings
    capture: CaptureAddress | None = None
    names: CaptureNames = field(default_factory=CaptureNames)
    emulator: str | None = None
    subscription: str | None = None
    dead_letter_topic: str | None = None
    connections: int = GRANTED_CONNECTIONS
    session: Session = _SESSION
    connect_seconds: int = CONNECT_SECONDS
    seconds: float | None = None
    _connection: SessionConnection | None = field(default=None, init=False)
    _refusal: Refusal | None = field(default=None, init=False)
    _begun: float = field(default_factory=time.monotonic, init=False)

    @property
    def seconds_left(self) -> float:
        """How long the remaining checks may take."""
        if self.seconds is None:
            return math.inf
        return self._begun + self.seconds - time.monotonic()

    def connection(self) -> SessionConnection:
        """Return the connection. It is in autocommit mode and read-only.

        Raises:
            Unreachable: Postgres accepted no connection.
        """
        if self._refusal is not None:
            raise Unreachable(self._refusal)
        if self._connection is None or self._connection.closed:
            try:
                self._connection = SessionConnection.connect(
                    self.database.dsn,
                    session=self._session(),
                    connect_timeout=self.connect_seconds,
                )
            except psycopg.Error as error:
                self._refusal = read_refusal(error)
                raise Unreachable(self._refusal) from None
        return self._connection

    def _session(self) -> Session:
        if self.seconds is None:
            return self.session
        return replace(
            self.session,
            statement_timeout=timedelta(seconds=self.seconds / _STATEMENTS),
            lock_timeout=timedelta(seconds=self.seconds / _LOCKS),
        )

    def rows(self, statement: bytes, **parameters: object) -> list[Any]:
        """Run a statement; return its rows as named tuples."""
        connection = self.connection()
        with working(connection), connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
