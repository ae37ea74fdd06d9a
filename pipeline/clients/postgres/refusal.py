"""Why Postgres takes no connection: libpq says it in words only, there is no SQLSTATE to go by."""

import re
from dataclasses import asdict, dataclass
from typing import Final

import psycopg

from pipeline.domain.errors import ConfigurationError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What the parts of an address are called where a person sets them."""

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

# Words of libpq, or of a server that speaks English; whether waiting may help; what else does.
_SAID: Final = (
    ("temporary failure in name resolution", True, "see whether the name server answers"),
    ("failed to resolve host|translate host name", False, "correct {host}"),
    ("connection refused|no such file", True, "start the server, or correct {server}"),
    (
        "timeout expired|timed out|no route to host|network is unreachable",
        True,
        "see whether a firewall is in between, or correct {server}",
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
    (r"pg_hba\.conf", False, "let pg_hba.conf of the server admit this user from here"),
    ("wal ?sender", False, "ALTER ROLE ... REPLICATION for this user"),
    (
        "session is (not )?read-only|server is (not )?in hot standby",
        True,
        "wait until the server takes over, or correct {attributes}",
    ),
    ("startup parameter", False, "go past the pooler: correct {server}"),
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
        words: libpq's own, on one line; there is no password in them.
        passes: whether waiting may help; so it is where the words are not known.
        mend: what a person can do about it.
    """

    words: str
    passes: bool
    mend: str

    @property
    def error(self) -> TransientError | ConfigurationError:
        """The refusal as the error that it is."""
        text = f"Postgres cannot be reached: {self.words}; {self.mend}"
        return TransientError(text) if self.passes else ConfigurationError(text)


def read_refusal(error: psycopg.Error, address: Address = DATABASE_URL) -> Refusal:
    """What a failed attempt to connect means, for whoever set this address."""
    words = str(error).splitlines()[0].removeprefix("connection failed: ")
    # Before that stand host and port, which may be called anything.
    cause = words.rpartition(" failed: ")[2]
    for said, passes, mend in _SAID:
        if re.search(said, cause, re.IGNORECASE):
            return Refusal(words, passes, mend.format_map(asdict(address)))
    return Refusal(words, passes=True, mend=_UNKNOWN)
