"""The one place where a session of ours is made, with every setting that our statements rely on.

What role, database or environment set otherwise (a date style, an encoding, a time-out) ends here.
Two things are left as they are: ``default_transaction_read_only``, for a server that takes no
writes is waited for, and ``search_path``, for our statements name their schema and a trigger of the
application may need its own.

A pooler in transaction mode keeps neither settings nor prepared statements of a session. It shows
by a mark that is sent along and does not arrive. From then on no statement is prepared, and the
settings go with each transaction.
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
# Without an answer to what was sent for so long, the way to the server is broken.
UNACKNOWLEDGED_MILLISECONDS: Final = 10_000

_MARK: Final = "fanout.mark"
_APPLY: Final = load("pipeline.clients.postgres", "apply_settings")
_READABLE: Final = Readable()
# What a pooler that takes no options says: PgBouncer, then Amazon's RDS Proxy.
_TAKES_NO_OPTIONS: Final = re.compile(r"startup parameter|command-line options", re.IGNORECASE)
# As in "-c name=value", "-cname=value" and "--name=value", with "\" before a blank in a value.
_OPTION: Final = re.compile(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)")

# What our statements mean and what psycopg reads depend on these.
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
    # A connection of a pool is idle for as long as nothing happens.
    "idle_session_timeout": "0",
    # A statement has a time-out of its own.
    "transaction_timeout": "0",
    # What the server says is shown to people. For superusers only; others take what they get.
    "lc_messages": "C",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a session is for.

    Attributes:
        name: what the server calls it: application_name.
        statement_timeout: after which the server gives a statement up; zero for never.
        lock_timeout: after which it stops to wait for a lock; zero for never.
        durable: whether a commit is on disk when it is answered, whatever the role's default says.
        read_only: whether it can change nothing.
    """

    name: str
    statement_timeout: timedelta = timedelta(0)
    lock_timeout: timedelta = timedelta(0)
    durable: bool = False
    read_only: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """By name, as the server takes them."""
        ours = {
            **_ALWAYS,
            "statement_timeout": _milliseconds(self.statement_timeout),
            "lock_timeout": _milliseconds(self.lock_timeout),
            # Whoever dies between two statements must not keep the locks of the first.
            "idle_in_transaction_session_timeout": _milliseconds(self.statement_timeout),
        }
        if self.durable:
            ours["synchronous_commit"] = "on"
        if self.read_only:
            ours["default_transaction_read_only"] = "on"
        return ours


class SessionConnection(Connection[tuple[Any, ...]]):
    """A connection whose sessions are as we want them.

    Attributes:
        session: what they are for.
        is_pooled: whether the next statement may meet another session: use ``working``.
    """

    session: Session
    is_pooled: bool = False
    # What the address itself asks for, a role for instance.
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
            conninfo: a connection string; its own options are kept, where ours say nothing else.
            session: what the connection is for.
            kwargs: for psycopg.

        Raises:
            psycopg.Error: there is no connection; ``read_refusal`` says why.
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
            if not _TAKES_NO_OPTIONS.search(str(error)):
                raise
            made = super().connect(conninfo, **arguments, options="")
            mark = ""
        made.session = session
        made.asked = dict(_OPTION.findall(options))
        try:
            # libpq's own time-out has ended, and whoever connects is often nobody's to wait for.
            with WATCHDOG.watch(made, arguments["connect_timeout"]):
                made.settle(mark)
        except BaseException:
            made.close()
            raise
        return made

    def settle(self, mark: str) -> None:
        """Set everything for the session, or find out that there is none."""
        if mark and _apply(self, self.session.settings, mark=mark):
            return
        self.is_pooled = True
        self.prepare_threshold = None
        # With each BEGIN, which the defaults of the session are too late for.
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.read_only = self.session.read_only or None

    def apply_to_transaction(self) -> None:
        """Set everything for the transaction, what the address asks for first."""
        if self.asked:
            asked = {name: value.replace("\\", "") for name, value in self.asked.items()}
            _apply(self, asked, local=True)
        _apply(self, self.session.settings, local=True)


@contextmanager
def working(connection: Connection[Any], *, snapshot: bool = False) -> Iterator[None]:
    """Let the statements of the block find the settings of their session, pooler or not.

    With ``snapshot`` they all see the database as it was at the first one, and can change nothing.
    Where neither is needed each statement is a transaction of its own.
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
    """Set what this server knows of the settings; with a mark only where it has arrived."""
    parameters = {"settings": orjson.dumps(settings).decode(), "mark": mark, "local": local}
    # Whatever cursors and rows the connection was asked for.
    with psycopg.Cursor(connection) as cursor:
        return bool(cursor.execute(_APPLY, parameters).fetchall())


def _given_options(conninfo: str) -> str:
    """Those of the address, or else of PGOPTIONS, as libpq has it."""
    given = conninfo_to_dict(conninfo).get("options")
    if given is not None:
        return str(given)
    defaults = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}
    return (defaults.get(b"options") or b"").decode()


def _milliseconds(time: timedelta) -> str:
    return str(round(time.total_seconds() * 1000))
