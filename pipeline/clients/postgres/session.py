"""Opens our sessions, with every setting that our statements rely on. No other module opens one.

Our settings override those of the role, the database and the environment (a date style, an
encoding, a timeout). Two settings stay: ``default_transaction_read_only``, because we wait until a
read-only server accepts writes, and ``search_path``, because our statements name their schema and a
trigger of the application may need its own path.

A pooler in transaction mode keeps neither the settings nor the prepared statements of a session. To
detect one, we send a mark and check whether it arrives. If it does not, we prepare no statements
and send the settings with each transaction.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import orjson
import psycopg
from psycopg import Connection, IsolationLevel, pq
from psycopg.conninfo import conninfo_to_dict

from pipeline.clients.postgres.readable import Readable
from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.watchdog import WATCHDOG

CONNECT_SECONDS: Final = 5
# If the server acknowledges nothing for this long, the network path to it is broken.
UNACKNOWLEDGED_MILLISECONDS: Final = 10_000

_MARK: Final = "fanout.mark"
_APPLY: Final = load("pipeline.clients.postgres", "apply_settings")
_READABLE: Final = Readable()
# The error of a pooler that accepts no options: PgBouncer, then Amazon's RDS Proxy.
_REJECTS_OPTIONS: Final = re.compile(r"startup parameter|command-line options", re.IGNORECASE)
# As in "-c name=value", "-cname=value" and "--name=value", with "\" before a blank in a value.
_OPTION: Final = re.compile(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)")

# The meaning of our statements and the values that psycopg reads depend on these.
_ALWAYS: Final[Mapping[str, str]] = {
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "row_security": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # A pooled connection is idle while there is no work.
    "idle_session_timeout": "0",
    # Each statement has its own timeout.
    "transaction_timeout": "0",
    # People read the server's messages. Only superusers can set this; others keep the default.
    "lc_messages": "C",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The settings of a session.

    Attributes:
        name: the application_name.
        statement_timeout: the server cancels a statement after this time; zero: never.
        lock_timeout: the server stops waiting for a lock after this time; zero: never.
        durable: whether the server confirms a commit only once it is on disk. Overrides the role's
            default.
        read_only: whether the session can change nothing.
    """

    name: str
    statement_timeout: timedelta = timedelta(0)
    lock_timeout: timedelta = timedelta(0)
    durable: bool = False
    read_only: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """The server settings by name."""
        ours = {
            **_ALWAYS,
            "statement_timeout": _milliseconds(self.statement_timeout),
            "lock_timeout": _milliseconds(self.lock_timeout),
            # A client that dies between two statements must not keep the locks of the first.
            "idle_in_transaction_session_timeout": _milliseconds(self.statement_timeout),
        }
        if self.durable:
            ours["synchronous_commit"] = "on"
        if self.read_only:
            ours["default_transaction_read_only"] = "on"
        return ours


class SessionConnection(Connection[tuple[Any, ...]]):
    """A connection that applies our settings to its sessions.

    Attributes:
        session: the settings.
        is_pooled: whether the next statement may run in another session. If so, use ``working``.
    """

    session: Session
    is_pooled: bool = False
    # Settings in the options of the address, for example a role.
    asked: Mapping[str, str]

    @classmethod
    def connect(  # type: ignore[override]
        cls,
        conninfo: str = "",
        *,
        session: Session,
        **kwargs: Any,  # noqa: ANN401 - psycopg's
    ) -> Self:
        """Connect, in autocommit.

        Args:
            conninfo: a connection string. Its options are kept; our settings override them.
            session: the settings of the connection.
            kwargs: passed to psycopg.

        Raises:
            psycopg.Error: no connection was made. ``read_refusal`` says why.
        """
        mark = secrets.token_hex(8)
        options = _given_options(conninfo)
        arguments: dict[str, Any] = {
            "autocommit": True,
            "application_name": session.name,
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": UNACKNOWLEDGED_MILLISECONDS,
            "client_encoding": "UTF8",
            "context": _READABLE,
        } | kwargs
        try:
            made = super().connect(
                conninfo, **arguments, options=f"{options} -c {_MARK}={mark}".lstrip()
            )
        except psycopg.OperationalError as error:
            if not _REJECTS_OPTIONS.search(str(error)):
                raise
            made = super().connect(conninfo, **arguments, options="")
            mark = ""
        made.session = session
        made.asked = dict(_OPTION.findall(options))
        try:
            # libpq's timeout covers only the connecting, and often no other watch runs yet.
            with WATCHDOG.watch(made, arguments["connect_timeout"]):
                made.settle(mark)
        except BaseException:
            made.close()
            raise
        return made

    def settle(self, mark: str) -> None:
        """Apply the settings to the session, or find out that a pooler keeps no session."""
        if mark and _apply(self, self.session.settings, mark=mark):
            return
        self.is_pooled = True
        self.prepare_threshold = None
        # psycopg sends these with each BEGIN. Defaults of the session would be too late for it.
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.read_only = self.session.read_only or None

    def apply_to_transaction(self) -> None:
        """Apply the settings to the transaction: first those of the address, then ours."""
        if self.asked:
            asked = {name: value.replace("\\", "") for name, value in self.asked.items()}
            _apply(self, asked, local=True)
        _apply(self, self.session.settings, local=True)


@contextmanager
def working(connection: Connection[Any], *, snapshot: bool = False) -> Iterator[None]:
    """Run the statements of the block with our settings, also behind a pooler.

    With ``snapshot`` all of them see the database as the first one sees it, and can change nothing.
    Without a pooler and a snapshot, each statement is a transaction of its own.
    """
    pooled = isinstance(connection, SessionConnection) and connection.is_pooled
    if not pooled and not snapshot:
        yield
        return
    usual = connection.isolation_level, connection.read_only
    if snapshot:
        connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            if isinstance(connection, SessionConnection) and connection.is_pooled:
                connection.apply_to_transaction()
            yield
    finally:
        if snapshot and not connection.closed:
            connection.isolation_level, connection.read_only = usual


def _apply(
    connection: Connection[Any],
    settings: Mapping[str, str],
    *,
    mark: str | None = None,
    local: bool = False,
) -> bool:
    """Apply those settings that this server knows. Return whether the session has the mark."""
    parameters = {"settings": orjson.dumps(settings).decode(), "mark": mark, "local": local}
    # A plain cursor: the connection may have another cursor or row factory.
    with psycopg.Cursor(connection) as cursor:
        return bool(cursor.execute(_APPLY, parameters).fetchall())


def _given_options(conninfo: str) -> str:
    """Return the options of the address, or else those of PGOPTIONS, as libpq does."""
    given = conninfo_to_dict(conninfo).get("options")
    if given is not None:
        return str(given)
    defaults = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}
    return (defaults.get(b"options") or b"").decode()


def _milliseconds(time: timedelta) -> str:
    return str(round(time.total_seconds() * 1000))
