"""Explains why Postgres refused a connection. libpq gives only a text and no SQLSTATE."""

import re
from dataclasses import asdict, dataclass
from typing import Final

import psycopg

from pipeline.domain.errors import ConfigurationError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The names of the parts of an address, as they are called where a person sets them."""

    host: str
    server: str
    login: str
    database: str
    encryption: str
    options: str = "options"
    attributes: str = "target_session_attrs"
    parameters: str = "its parameters"


DATABASE_URL: Final = Address(
    host="the host in DATABASE_URL",
    server="host and port in DATABASE_URL",
    login="user and password in DATABASE_URL",
    database="the database in DATABASE_URL",
    encryption="sslmode and sslrootcert in DATABASE_URL",
    options="options in DATABASE_URL",
    attributes="target_session_attrs in DATABASE_URL",
    parameters="the parameters of DATABASE_URL",
)

# A pattern in the text of libpq or of an English server; whether waiting may help; the fix.
_KNOWN: Final = (
    ("temporary failure in name resolution", True, "check that the DNS server answers"),
    ("failed to resolve host|translate host name", False, "correct {host}"),
    ("connection refused|no such file", True, "start the server, or correct {server}"),
    (
        "timeout expired|timed out|no route to host|network is unreachable",
        True,
        "check for a firewall on the way, or correct {server}",
    ),
    (
        "starting up|shutting down|recovery mode|not (yet |currently )?accepting",
        True,
        "wait until the server is up",
    ),
    (
        "too many (clients|connections)|connection slots|max.{0,8}clients|max_client_conn",
        True,
        "close some connections, or raise the limit",
    ),
    (r"pg_hba\.conf", False, "allow this user and client address in pg_hba.conf of the server"),
    ("wal ?sender", False, "run ALTER ROLE ... REPLICATION for this user"),
    (
        "session is (not )?read-only|server is (not )?in hot standby",
        True,
        "wait until a matching server is up, or correct {attributes}",
    ),
    ("startup parameter", False, "connect to the server, not to its pooler: correct {server}"),
    (
        "authentication failed|requested .* authentication|no password supplied",
        False,
        "correct {login}",
    ),
    (
        r"role .* does not exist|not permitted to log in|(no such user|user not found)\b",
        False,
        "correct {login}",
    ),
    ("permission denied for database", False, "GRANT CONNECT on it to this user"),
    ("database .* does not exist|no such database", False, "create it, or correct {database}"),
    (
        "configuration parameter|for parameter|denied to set|parameter .* cannot be|command-line",
        False,
        "correct {options}",
    ),
    ("ssl|certificate", False, "correct {encryption}"),
    ("invalid (port|integer)|could not match", False, "correct {server}"),
    (r"invalid \w+ value|definition of service|service file", False, "correct {parameters}"),
)
_UNKNOWN: Final = "see the server's log"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection was not made.

    Attributes:
        words: the text of libpq, on one line. It contains no password.
        is_transient: whether waiting may help. True if we do not know the text.
        fix: how a person can fix it.
    """

    words: str
    is_transient: bool
    fix: str

    @property
    def error(self) -> TransientError | ConfigurationError:
        """The refusal as an error of ours."""
        text = f"Postgres cannot be reached: {self.words}; {self.fix}"
        return TransientError(text) if self.is_transient else ConfigurationError(text)


def read_refusal(error: psycopg.Error, address: Address = DATABASE_URL) -> Refusal:
    """Explain a failed attempt to connect. ``address`` names the settings to correct."""
    words = str(error).splitlines()[0].removeprefix("connection failed: ")
    # The part before it contains the host name, which could match a pattern.
    cause = words.rpartition(" failed: ")[2]
    for pattern, is_transient, fix in _KNOWN:
        if re.search(pattern, cause, re.IGNORECASE):
            return Refusal(words, is_transient, fix.format_map(asdict(address)))
    return Refusal(words, is_transient=True, fix=_UNKNOWN)
