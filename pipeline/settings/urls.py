"""Which addresses of servers are accepted in settings."""

from typing import Final
from urllib.parse import urlsplit

# The names of this machine.
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_url(text: str, *, or_local: bool) -> bool:
    """Return whether tokens may be sent there: by https, or to this machine if ``or_local``."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    local = host in LOOPBACK
    if url.scheme == "https":
        return bool(host) and (or_local or not local)
    return url.scheme == "http" and local and or_local
