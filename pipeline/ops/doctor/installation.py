"""What is examined: a database, and whatever else of the installation was named."""

from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.refusal import Refusal, read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection, working
from pipeline.domain.defaults import CAPTURE_USER, GRANTED_CONNECTIONS
from pipeline.settings import CaptureNames, DatabaseSettings

# Looking must never be what slows the database down, nor change anything.
_SESSION: Final = Session(
    name="fanout-doctor",
    statement_timeout=timedelta(seconds=15),
    # For each check, of which there are many.
    lock_timeout=timedelta(seconds=1),
    read_only=True,
)


class Unreachable(Exception):
    """There is no connection to Postgres."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.words)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class CaptureAddress:
    """Where Debezium connects, and as whom: DATABASE_HOST and the like of its process."""

    host: str
    port: int
    sslmode: str
    user: str = CAPTURE_USER
    password: str | None = field(default=None, repr=False)


@dataclass(slots=True, kw_only=True)
class Installation:
    """Opens one connection when it is first needed, and does not try again when that fails.

    Attributes:
        database: as the pipeline would connect to it.
        capture: as Debezium does, if it was given.
        names: the slot and the publication that Debezium reads.
        emulator: the value of PUBSUB_EMULATOR_HOST, if it is set.
        subscription: what the stream reads, if it was given.
        dead_letter_topic: where dead letters go, if it was given.
        connections: what the database grants a job on Dataflow.
    """

    database: DatabaseSettings
    capture: CaptureAddress | None = None
    names: CaptureNames = field(default_factory=CaptureNames)
    emulator: str | None = None
    subscription: str | None = None
    dead_letter_topic: str | None = None
    connections: int = GRANTED_CONNECTIONS
    _connection: SessionConnection | None = field(default=None, init=False)
    _refusal: Refusal | None = field(default=None, init=False)

    def connection(self) -> SessionConnection:
        """The connection, in autocommit and read-only.

        Raises:
            Unreachable: Postgres did not accept one.
        """
        if self._refusal is not None:
            raise Unreachable(self._refusal)
        if self._connection is None or self._connection.closed:
            try:
                self._connection = SessionConnection.connect(self.database.dsn, session=_SESSION)
            except psycopg.Error as error:
                self._refusal = read_refusal(error)
                raise Unreachable(self._refusal) from None
        return self._connection

    def rows(self, statement: bytes, **parameters: object) -> list[Any]:
        """What a statement gives, as named tuples."""
        connection = self.connection()
        with working(connection), connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(statement, parameters).fetchall()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.close()
