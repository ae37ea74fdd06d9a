"""Links in mails: what a row gives in, an absolute address of the brand's own site out, or nothing.

A link comes from a row that somebody else wrote, so it is trusted only where it leads to the site
itself or to a host that the configuration names.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

MAX_CHARACTERS: Final = 2_000
_SCHEMES: Final = ("http", "https")
# Browsers read a backslash as a slash and drop line breaks, Python does neither. Characters that
# turn the direction of a line make an address look like another one.
_FORBIDDEN: Final = re.compile(
    r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_URI: Final = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]+")
# Reserved and unreserved characters of RFC 3986, and the sign of what is quoted already.
_KEPT: Final = ":/?#[]@!$&()*+,;=-._~%"


def absolute(root: str, hosts: Collection[str], link: object) -> str | None:
    """Return the absolute address of a link; None if it may not be followed.

    Args:
        root: the root of the site, such as ``https://app.example/``.
        hosts: where a link may lead: ``app.example``, or ``localhost:3000`` with a port.
        link: relative to the root of the site, or absolute.

    Returns:
        An ``http`` or ``https`` address in ASCII without quotation marks or spaces; None if the
        link is not a text, too long, malformed, or leads to another host.
    """
    if not isinstance(link, str) or not link.strip() or _FORBIDDEN.search(link):
        return None
    try:
        given = urlsplit(link.strip())
        address = quote(urljoin(root, link.strip()), safe=_KEPT)
    except ValueError:
        return None
    if given.scheme and not given.netloc:
        return None
    return address if is_web_address(address, hosts) else None


def is_web_address(address: str, hosts: Collection[str] | None = None) -> bool:
    """Whether this is an http or https address without a user, of these hosts if any are given."""
    if not _URI.fullmatch(address) or len(address) > MAX_CHARACTERS:
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in _SCHEMES or not host or "@" in parts.netloc:
        return False
    return hosts is None or parts.netloc.lower() in hosts
