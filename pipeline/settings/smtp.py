"""The URL of a mail server: a text in, a checked server or an error out."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from pipeline.domain.errors import ConfigurationError
from pipeline.settings.urls import LOOPBACK

_PORTS: Final = {"smtp": 587, "smtps": 465}
_EXPECTED: Final = "expected smtp://user:password@host:587, or smtps:// for TLS from the start"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """A mail server.

    Attributes:
        host: its name.
        port: its port.
        tls: whether TLS begins with the connection. Otherwise STARTTLS begins it.
        user: who logs in; empty: nobody does.
        password: of the user; kept out of ``repr``.
    """

    host: str
    port: int
    tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where TLS is not required."""
        return self.host in LOOPBACK


def parse_smtp_url(text: str) -> SmtpServer:
    """Read the URL of a mail server. In a user and a password, %40 is @ and %3A is a colon.

    Raises:
        ConfigurationError: it is invalid. Nothing of it is quoted.
    """
    url = _split(text)
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if (
        url.scheme not in _PORTS
        or not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", url.hostname or "")
        or url.path not in {"", "/"}
        or url.query
        or url.fragment
        or bool(user) != bool(password)
        or not f"{user}{password}".isprintable()
    ):
        raise ConfigurationError(f"invalid SMTP_URL: {_EXPECTED}")
    return SmtpServer(
        host=url.hostname or "",
        port=url.port or _PORTS[url.scheme],
        tls=url.scheme == "smtps",
        user=user,
        password=password,
    )


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ConfigurationError(f"invalid SMTP_URL: {_EXPECTED}") from None
    return url
