"""Settings of the webhooks that we send: texts in, checked settings out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from pipeline.domain.errors import ConfigurationError
from pipeline.settings.secret_list import read_secret_list, split_secrets

IpNetwork: TypeAlias = IPv4Network | IPv6Network

# The variables that ``read_outgoing_settings`` knows, and no other.
OUTGOING_VARIABLES: Final = ("WEBHOOK_KEY", "WEBHOOK_ALLOWED_NETWORKS")
# Of a public endpoint. One in an allowed network may have any.
PUBLIC_PORTS: Final = frozenset({443, 8443})
# Fewer could be guessed.
SHORTEST_KEY: Final = 32
_LONGEST_KEY: Final = 512
_MOST_NETWORKS: Final = 32
_QUOTED: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSettings:
    """How webhooks are sent.

    Attributes:
        keys: encrypt the secrets of endpoints in the database. Each is a key, or its name in Secret
            Manager; the first one encrypts. None: secrets can only be named.
        allowed: networks that endpoints may be in beside the public ones, also without TLS.
        timeout: how long a request may take, from the look-up of the name to the last byte.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    allowed: tuple[IpNetwork, ...] = ()
    timeout: timedelta = timedelta(seconds=10)


def read_outgoing_settings(environment: Mapping[str, str]) -> OutgoingSettings:
    """Read the settings from ``OUTGOING_VARIABLES``. An empty value counts as not set.

    Raises:
        ConfigurationError: one is invalid. Keys are not quoted.
    """
    keys = read_secret_list(
        "WEBHOOK_KEY",
        environment.get("WEBHOOK_KEY", ""),
        is_valid=is_webhook_key,
        expected=f"at least {SHORTEST_KEY} characters, such as those of 'openssl rand -base64 32'",
    )
    given = split_secrets(environment.get("WEBHOOK_ALLOWED_NETWORKS", ""))
    if len(given) > _MOST_NETWORKS:
        raise ConfigurationError(
            f"invalid WEBHOOK_ALLOWED_NETWORKS: expected at most {_MOST_NETWORKS} networks"
        )
    return OutgoingSettings(keys=keys, allowed=tuple(map(_network, given)))


def is_webhook_key(text: str) -> bool:
    """Return whether a text is long enough for a key, and one word."""
    return SHORTEST_KEY <= len(text) <= _LONGEST_KEY and text.isprintable() and " " not in text


def _network(text: str) -> IpNetwork:
    try:
        return ip_network(text)
    except ValueError:
        raise ConfigurationError(
            f"invalid WEBHOOK_ALLOWED_NETWORKS {text[:_QUOTED]!r}: expected addresses or networks,"
            " such as 127.0.0.0/8,10.1.2.3"
        ) from None
