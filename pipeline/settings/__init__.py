"""Settings of the running pipeline: validated once, frozen, and passed as arguments."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from pipeline.domain.defaults import POOL_SIZE
from pipeline.domain.errors import ConfigurationError
from pipeline.settings.urls import is_url

# The default name of the slot and of the publication, as in the migrations and in
# debezium/application.properties.
CAPTURE_NAME: Final = "fanout_events"
# The names that Postgres accepts for a slot, and for a publication without quotation marks.
_SLOT: Final = "[a-z0-9_]{1,63}"
_PUBLICATION: Final = "[a-z_][a-z0-9_]{0,62}"
# libpq's error for an unknown parameter, in a URL and in a list of key=value pairs.
_UNKNOWN: Final = re.compile(r'invalid (?:URI query parameter|connection option)\W+"?(\w+)"?\s*$')
_SECRET: Final = re.compile(r"pass\w*\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """How to reach Postgres, and how long to wait and retry.

    Attributes:
        dsn: the connection string. It is not in ``repr``, because it may hold a password.
        password_secret: the name of the password in Secret Manager, if the dsn has no password.
        ca_secret: the name of the certificates in Secret Manager that verify the server.
        pool_size: the most connections that one process opens.
        statement_timeout: the server cancels a statement after this time.
        retry_for: how long a transient error is retried before it is raised.
        visible_within: how long an event's row may stay invisible after Debezium captured it.
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
        """How long a statement may take before its connection counts as dead.

        The server's own timeout is shorter, so it comes first if the server still answers.
        """
        return self.statement_timeout + timedelta(seconds=1)

    def __post_init__(self) -> None:
        if not self.dsn:
            raise ConfigurationError(
                "DATABASE_URL is not set: export DATABASE_URL=postgresql://user@host/database,"
                " or, while make up runs: . .local/env"
            )
        try:
            conninfo_to_dict(self.dsn)
        except (ProgrammingError, UnicodeDecodeError) as error:
            raise ConfigurationError(_dsn_error(self.dsn, str(error))) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureNames:
    """The slot and the publication that Debezium reads.

    Attributes:
        slot: Debezium's SLOT_NAME. Slot names are unique on a server, not per database.
        publication: Debezium's PUBLICATION_NAME, unique in a database.
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
    """The subscription that the stream reads.

    Attributes:
        subscription: ``projects/P/subscriptions/S``.
        acknowledge: False for a dry run: the pulled messages are returned at the end.
    """

    subscription: str
    acknowledge: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSettings:
    """How to reach Google Calendar, and the address that Google calls.

    All of it is optional until watches are renewed: ``check`` then says what is missing.

    Attributes:
        client_id: of the OAuth client with which people connected their calendars.
        client_secret: of the same client; kept out of ``repr``.
        webhook_url: the address of the application that Google calls when a calendar changes.
        base_url: of the Calendar API, its version included.
        token_url: where a refresh token gives an access token.
        timeout: how long one request may take.
    """

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    webhook_url: str = ""
    base_url: str = "https://www.googleapis.com/calendar/v3"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    timeout: timedelta = timedelta(seconds=10)

    def check(self) -> None:
        """Raise unless everything is there.

        Raises:
            ConfigurationError: a value is missing or invalid.
        """
        needed = {
            "GOOGLE_CLIENT_ID": self.client_id,
            "GOOGLE_CLIENT_SECRET": self.client_secret,
            "CALENDAR_WEBHOOK_URL": self.webhook_url,
        }
        if missing := [name for name, value in needed.items() if not value]:
            raise ConfigurationError(
                f"not set: {', '.join(missing)}; calendar watches cannot be renewed without them"
            )
        # Google calls nothing else, and a local address would be a mistake that nobody notices.
        if not is_url(self.webhook_url, or_local=False):
            raise ConfigurationError("invalid CALENDAR_WEBHOOK_URL: expected https://host/path")
        for name, url in (
            ("CALENDAR_BASE_URL", self.base_url),
            ("GOOGLE_TOKEN_URL", self.token_url),
        ):
            if not is_url(url, or_local=True):
                raise ConfigurationError(
                    f"invalid {name}: expected https://host/path, or http:// on this machine"
                )


def _dsn_error(dsn: str, libpq_error: str) -> str:
    """Return what is wrong with a connection string, without quoting a secret in it."""
    unknown = _UNKNOWN.search(libpq_error)
    if unknown is None:
        return "invalid DATABASE_URL: expected postgresql://user@host/database"
    if _may_be_secret(dsn, unknown[1]):
        return (
            "invalid DATABASE_URL: unknown parameter;"
            " in a password, write %26 for & and %3F for ?, or quote the password"
        )
    return f"invalid DATABASE_URL: unknown parameter '{unknown[1]}'"


def _may_be_secret(dsn: str, name: str) -> bool:
    """Return whether the name may be the rest of a password that contains '?' or a blank."""
    before, _, after = dsn.rpartition(name)
    return "@" in after or _SECRET.search(before) is not None
