"""A database for each test, copied from a template that is migrated once."""

import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import Final, Self
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from local.postgres import Postgres
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from tests.deadline import wait_until

# A database has 300 files: creating them takes 15 ms in memory, and 20 to 500 ms on a disk.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - every name below it is made by mkdtemp
_ROOM_BYTES: Final = 4 * 1024**3

_PASSWORD: Final = secrets.token_hex(16)
_TEMPLATE: Final = "fanout_template"
_WITHOUT_MAIL: Final = "template_without_mail"
_REACTIONS: Final = "template_of_reactions"
_LOGINS: Final = {
    "test_writer": "LOGIN IN ROLE fanout_writer",
    "test_operator": "LOGIN IN ROLE fanout_operator",
    "test_viewer": "LOGIN IN ROLE fanout_viewer",
    "test_cdc": "LOGIN REPLICATION IN ROLE fanout_cdc",
    "test_jobs": "LOGIN IN ROLE fanout_jobs",
    "test_sender": "LOGIN IN ROLE fanout_sender",
    "test_push": "LOGIN IN ROLE fanout_push",
    "test_producer": "LOGIN IN ROLE fanout_producer",
    "test_broadcaster": "LOGIN IN ROLE fanout_producer, fanout_broadcaster",
}


@contextmanager
def scratch_cluster() -> Iterator[Postgres]:
    """A running cluster, in memory if there is room; deleted at the end."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES
    with pytest.MonkeyPatch.context() as patch:
        if in_memory:
            patch.setattr(tempfile, "tempdir", str(_MEMORY))
        cluster = Postgres(Path(tempfile.mkdtemp(prefix="fanout-tests-")), durable=False)
        cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        cluster.remove()


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and its connection URLs for different logins."""

    name: str
    cluster: Postgres
    _idle: list[psycopg.Connection] = field(default_factory=list, repr=False, compare=False)

    @property
    def dsn(self) -> str:
        """The URL of the owner of all tables."""
        return self.cluster.dsn(database=self.name)

    @property
    def writer_dsn(self) -> str:
        """The URL of the pipeline: a login in ``fanout_writer``."""
        return self._as("test_writer")

    @property
    def operator_dsn(self) -> str:
        """The URL of an operator at the console: a login in ``fanout_operator``."""
        return self._as("test_operator")

    @property
    def viewer_dsn(self) -> str:
        """The URL of who only reads: a login in ``fanout_viewer``."""
        return self._as("test_viewer")

    @property
    def cdc_dsn(self) -> str:
        """The URL of change data capture: a login with REPLICATION in ``fanout_cdc``."""
        return self._as("test_cdc")

    @property
    def jobs_dsn(self) -> str:
        """As what runs scheduled jobs: a login in ``fanout_jobs``."""
        return self._as("test_jobs")

    @property
    def sender_dsn(self) -> str:
        """As what sends mail: a login in ``fanout_sender``."""
        return self._as("test_sender")

    @property
    def push_dsn(self) -> str:
        """As what pushes: a login in ``fanout_push``."""
        return self._as("test_push")

    @property
    def reactions_dsn(self) -> str:
        """As what processes events of reactions: a login in ``fanout_reactions``."""
        return self._as("test_reactions")

    @property
    def producer_dsn(self) -> str:
        """As an application that asks for mails: a login in ``fanout_producer``."""
        return self._as("test_producer")

    @property
    def broadcaster_dsn(self) -> str:
        """As an application that may also notify everyone: in ``fanout_broadcaster`` too."""
        return self._as("test_broadcaster")

    def connect(self) -> psycopg.Connection:
        """Open an autocommit connection as the owner."""
        return psycopg.connect(self.dsn, autocommit=True)

    @contextmanager
    def asking(self) -> Iterator[psycopg.Connection]:
        """Lend an autocommit connection as the owner, for statements that leave nothing in it.

        The next borrower gets it again: to connect costs far more than to ask.
        """
        connection = self._open()
        connection.prepare_threshold = None  # Tests change the tables in between.
        try:
            yield connection
        finally:
            if connection.info.transaction_status is TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()

    def _open(self) -> psycopg.Connection:
        while self._idle:
            connection = self._idle.pop()
            # An idle one has something to read only if the server has ended it: tests crash it.
            if not select([connection], [], [], 0)[0]:
                return connection
            connection.close()
        return self.connect()

    def close(self) -> None:
        """Close the connections that are not lent."""
        while self._idle:
            self._idle.pop().close()

    def _as(self, user: str) -> str:
        return self.cluster.dsn(database=self.name, user=user, password=_PASSWORD)


@dataclass(frozen=True, slots=True)
class Databases:
    """Makes databases on one cluster.

    Attributes:
        administrator: a superuser's connection for it; None for a new one each time.
    """

    cluster: Postgres
    administrator: psycopg.Connection | None = None
    _templates: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def with_template(cls, cluster: Postgres) -> Self:
        """Migrate the template, reference schema included, and create the logins of the tests."""
        databases = cls(cluster)
        databases._make_template(_TEMPLATE, Family.JOBS, also=[Family.MAIL, Family.ACTIVITY])
        superuser = conninfo_to_dict(cluster.dsn())
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            # The usual 4096 rounds take longer than all else that a connection costs its client.
            connection.execute("SET scram_iterations = 1")
            for name, attributes in _LOGINS.items():
                _set_password(connection, f"CREATE ROLE {{}} {attributes}", name, _PASSWORD)
            _set_password(connection, "ALTER ROLE {}", superuser["user"], superuser["password"])
        return databases

    @contextmanager
    def migrated(self) -> Iterator[Database]:
        """Yield a copy of the template; drop it at the end, even with open connections."""
        with self._copied(_TEMPLATE) as database:
            yield database

    @contextmanager
    def without_mail(self) -> Iterator[Database]:
        """Yield a database with the fan-out and its jobs only; drop it at the end."""
        if _WITHOUT_MAIL not in self._templates:
            self._make_template(_WITHOUT_MAIL, Family.JOBS)
        with self._copied(_WITHOUT_MAIL) as database:
            yield database

    @contextmanager
    def with_reactions(self) -> Iterator[Database]:
        """Yield a database with reactions only; drop it at the end."""
        if _REACTIONS not in self._templates:
            self._make_template(_REACTIONS, Family.REACTIONS, reference_schema=False)
            with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
                connection.execute("SET scram_iterations = 1")
                attributes = "LOGIN IN ROLE fanout_reactions"
                statement = f"CREATE ROLE {{}} {attributes}"
                _set_password(connection, statement, "test_reactions", _PASSWORD)
        with self._copied(_REACTIONS) as database:
            yield database

    def _make_template(
        self,
        name: str,
        family: Family,
        *,
        also: Iterable[Family] = (),
        reference_schema: bool = True,
    ) -> None:
        """Migrate a database that others are copied from: a copy takes a tenth of the time."""
        self._administer("CREATE DATABASE {} TEMPLATE template0", name)
        migrate(
            self.cluster.dsn(database=name),
            reference_schema=reference_schema,
            family=family,
            also=list(also),
        )
        # A connection to the template would block the copies.
        self._administer("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        self._templates.add(name)

    @contextmanager
    def _copied(self, template: str) -> Iterator[Database]:
        with self._created(
            f"CREATE DATABASE {{}} TEMPLATE {template} STRATEGY FILE_COPY"
        ) as database:
            yield database

    @contextmanager
    def empty(self) -> Iterator[Database]:
        """Yield a database without tables; drop it at the end, even with open connections."""
        with self._created("CREATE DATABASE {} TEMPLATE template0") as database:
            yield database

    @contextmanager
    def _created(self, statement: str) -> Iterator[Database]:
        database = Database(f"test_{uuid4().hex[:12]}", self.cluster)
        self._administer(statement, database.name)
        try:
            yield database
        finally:
            database.close()
            self._drop(database.name)

    def _drop(self, name: str) -> None:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        with self._administering() as connection:
            # DROP DATABASE itself would check for them again only after 100 ms.
            wait_until(
                lambda: not connection.execute(others, [name]).fetchall(),
                seconds=10,
                what="every connection to the database is closed",
            )
        self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def _administer(self, statement: str, name: str) -> None:
        with self._administering() as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    @contextmanager
    def _administering(self) -> Iterator[psycopg.Connection]:
        if self.administrator is not None:
            yield self.administrator
            return
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
            yield connection


def _set_password(
    connection: psycopg.Connection, statement: str, role: object, password: object
) -> None:
    whole = sql.SQL(statement + " PASSWORD {}")
    connection.execute(whole.format(sql.Identifier(str(role)), sql.Literal(str(password))))
