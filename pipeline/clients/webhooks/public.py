"""Which addresses a webhook may be sent to: an address in, allowed or not out.

The endpoint's owner chooses its name and its DNS, so both count as hostile: a name can lead to
this machine, to a neighbour, or to the metadata server that hands out credentials.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from pipeline.settings.outgoing_webhooks import IpNetwork

# Every range that is not for public servers. ``is_global`` alone changes between Python versions.
_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Only 2000::/3 is public, and not all of it: Teredo and others, documents, 6to4.
        *("::/3", "4000::/2", "8000::/1"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
# Where clouds hand out credentials, or control a machine: 168.63.129.16 is Azure's, in a range of
# the internet. No setting allows them.
_METADATA: Final = tuple(
    ip_network(text)
    for text in (
        *("169.254.0.0/16", "fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32"),
        "168.63.129.16/32",
    )
)
_METADATA_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
)
# IPv6 addresses that stand for an IPv4 address: mapped, compatible, and translated by NAT64.
_EMBEDDING: Final = tuple(
    ip_network(text) for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96")
)


def is_metadata_name(host: str) -> bool:
    """Return whether a host name is one of a cloud's metadata server."""
    return host.rstrip(".").lower() in _METADATA_NAMES


def is_allowed(text: str, allowed: Iterable[IpNetwork]) -> bool:
    """Return whether an address is in an allowed network, and not a metadata server's.

    Args:
        text: the address, as a resolver gives it.
        allowed: the networks.
    """
    address = ip_address(text)
    meant = [each for each in (address, _embedded(address)) if each is not None]
    if any(_within(each, _METADATA) for each in meant):
        return False
    return any(_within(each, allowed) for each in meant)


def is_public(text: str) -> bool:
    """Return whether an address is one of the public internet.

    An IPv6 address that stands for an IPv4 address is not, whichever one it stands for: it is
    reached through a gateway of ours, and nobody needs to write it so.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return (
        address.is_global and not _within(address, _NOT_PUBLIC) and not _within(address, _METADATA)
    )


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv6Address) and _within(address, _EMBEDDING):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _within(address: IPv4Address | IPv6Address, networks: Iterable[IpNetwork]) -> bool:
    return any(each.version == address.version and address in each for each in networks)
