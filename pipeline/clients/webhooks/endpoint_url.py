"""The address of an endpoint as an operator writes it: a text in, a checked one or an error out."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pipeline.clients.webhooks.public import is_allowed, is_metadata_name, is_public
from pipeline.domain.errors import UsageError
from pipeline.settings.outgoing_webhooks import PUBLIC_PORTS, OutgoingSettings

_LONGEST: Final = 2_000
# What RFC 3986 allows.
_TEXT: Final = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%#]+")
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*\.?")


def read_endpoint_url(text: str, settings: OutgoingSettings) -> str:
    """Check an address; return it. Where its name leads is checked at each connection, not here.

    Args:
        text: the address. It may hold a token, so that no error quotes it.
        settings: with allowed networks, addresses there and plain http are accepted.

    Raises:
        UsageError: it is not the address of a public endpoint.
    """
    expected = "expected https://host/path, without a user, a password or a fragment"
    if len(text) > _LONGEST or not _TEXT.fullmatch(text):
        raise UsageError(f"invalid URL: {expected}; at most {_LONGEST} characters of ASCII")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise UsageError(f"invalid URL: {expected}") from None
    if not host or "@" in url.netloc or "#" in text or url.scheme not in ("https", "http"):
        raise UsageError(f"invalid URL: {expected}")
    if not _may_lead_somewhere(host, settings):
        raise UsageError(
            "invalid URL: its host is not public; WEBHOOK_ALLOWED_NETWORKS allows networks of yours"
        )
    if not settings.allowed:
        _check_public(url, port)
    return text


def _check_public(url: SplitResult, port: int | None) -> None:
    if url.scheme != "https":
        raise UsageError("invalid URL: expected https")
    if port is not None and port not in PUBLIC_PORTS:
        expected = " or ".join(map(str, sorted(PUBLIC_PORTS)))
        raise UsageError(f"invalid URL: expected port {expected}")


def _may_lead_somewhere(host: str, settings: OutgoingSettings) -> bool:
    try:
        address = str(ip_address(host))
    except ValueError:
        return _NAME.fullmatch(host) is not None and not is_metadata_name(host)
    return is_public(address) or is_allowed(address, settings.allowed)
