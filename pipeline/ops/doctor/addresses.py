"""Whether a connection leaves the machine."""

from ipaddress import ip_address
from typing import Final

SAFE_SSLMODE: Final = "verify-full"
# The port of PgBouncer and Supavisor in transaction mode: https://supabase.com/docs/guides/database
POOLER_PORT: Final = 6543


def stays_here(host: str) -> bool:
    """Return whether an address, a host name or the folder of a socket is on this machine."""
    if not host or host[0] in "/@" or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
