"""Settings of the running pipeline: validated once, frozen, passed on explicitly."""

from dataclasses import dataclass, field
from datetime import timedelta

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from pipeline.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """How to reach Postgres, and for how long to insist.

    Attributes:
        dsn: the connection string; kept out of ``repr``, since it may hold a password.
        password_secret: the name in Secret Manager of the password, when the dsn has none.
        ca_secret: the name of the certificates by which the server is verified.
        pool_size: the most connections one process opens.
        statement_timeout: after which the server gives a statement up.
        patience: for how long a transient error is retried before it is raised.
        visible_within: for how long the row of an event may stay unseen after it was captured.
    """

    dsn: str = field(repr=False)
    password_secret: str | None = None
    ca_secret: str | None = None
    pool_size: int = 4
    statement_timeout: timedelta = timedelta(seconds=30)
    patience: timedelta = timedelta(seconds=5)
    visible_within: timedelta = timedelta(seconds=2)

    @property
    def silence(self) -> timedelta:
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
        except ProgrammingError:
            raise ConfigurationError(
                "DATABASE_URL is not a connection string: postgresql://user@host/database"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PubSubSettings:
    """What the stream reads.

    Attributes:
        subscription: ``projects/P/subscriptions/S``.
        acknowledge: False for a dry run: what was pulled is given back in the end.
    """

    subscription: str
    acknowledge: bool = True
