"""Settings of the running pipeline: validated once, frozen, passed on explicitly."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from pipeline.domain.defaults import POOL_SIZE
from pipeline.domain.errors import ConfigurationError

# Of slot and publication, as migrations and debezium/application.properties have it.
CAPTURE_NAME: Final = "fanout_events"
# What Postgres takes as a slot, and as a publication without quotation marks.
_SLOT: Final = "[a-z0-9_]{1,63}"
_PUBLICATION: Final = "[a-z_][a-z0-9_]{0,62}"
# What libpq says of a parameter that it does not know, in a URL and in a list of words.
_UNKNOWN: Final = re.compile(r'invalid (?:URI query parameter|connection option)\W+"?(\w+)"?\s*$')
_SECRET: Final = re.compile(r"pass\w*\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """How to reach Postgres, and for how long to insist.

    Attributes:
        dsn: the connection string; kept out of ``repr``, since it may hold a password.
        password_secret: the name in Secret Manager of the password, when the dsn has none.
        ca_secret: the name of the certificates by which the server is verified.
        pool_size: the most connections one process opens.
        statement_timeout: after which the server gives a statement up.
        retry_for: for how long a transient error is retried before it is raised.
        visible_within: for how long the row of an event may stay unseen after it was captured.
    """

    dsn: str = field(repr=False)
    password_secret: str | None = None
    ca_secret: str | None = None
    pool_size: int = POOL_SIZE
    statement_timeout: timedelta = timedelta(seconds=30)
    retry_for: timedelta = timedelta(seconds=5)
    visible_within: timedelta = timedelta(seconds=2)

    @property
    def reply_timeout(self) -> timedelta:
        """How long one piece of work may take before its connection counts as dead.

        The server's own time-out comes first wherever the server can still be heard.
        """
        return self.statement_timeout + timedelta(seconds=1)

    def __post_init__(self) -> None:
        if not self.dsn:
            raise ConfigurationError(
                "DATABASE_URL is not set: export DATABASE_URL=postgresql://user@host/database,"
                " or, beside make up: . .local/env"
            )
        try:
            conninfo_to_dict(self.dsn)
        except (ProgrammingError, UnicodeDecodeError) as error:
            raise ConfigurationError(_complaint(self.dsn, str(error))) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureNames:
    """What Debezium reads: two installations on one server have a slot each.

    Attributes:
        slot: of the server, whatever the database; SLOT_NAME of Debezium.
        publication: of this database; PUBLICATION_NAME of Debezium.
    """

    slot: str = CAPTURE_NAME
    publication: str = CAPTURE_NAME

    def __post_init__(self) -> None:
        for name, value, pattern in (
            ("SLOT_NAME", self.slot, _SLOT),
            ("PUBLICATION_NAME", self.publication, _PUBLICATION),
        ):
            if not re.fullmatch(pattern, value):
                raise ConfigurationError(
                    f"invalid {name} {value[:80]!r}: expected at most 63 lower-case letters,"
                    " digits and _"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class PubSubSettings:
    """What the stream reads.

    Attributes:
        subscription: ``projects/P/subscriptions/S``.
        acknowledge: False for a dry run: what was pulled is given back in the end.
    """

    subscription: str
    acknowledge: bool = True


def _complaint(dsn: str, said: str) -> str:
    """What is wrong with a connection string; of a secret in it, nothing is quoted."""
    unknown = _UNKNOWN.search(said)
    if unknown is None:
        return "invalid DATABASE_URL: expected postgresql://user@host/database"
    if _may_be_secret(dsn, unknown[1]):
        return (
            "invalid DATABASE_URL: unknown parameter;"
            " write %26 for & and %3F for ? in a password, or put it into quotes"
        )
    return f"invalid DATABASE_URL: unknown parameter '{unknown[1]}'"


def _may_be_secret(dsn: str, name: str) -> bool:
    """Whether what libpq takes for a name may be the rest of a password with a '?' or a blank."""
    before, _, after = dsn.rpartition(name)
    return "@" in after or _SECRET.search(before) is not None
