"""An API token: how it is made and recognised, and the hash that is stored of it."""

import hashlib
import re
import secrets
from typing import Final

# Scanners for leaked secrets find a token by its prefix.
_PREFIX: Final = "fanout_"
_BYTES: Final = 32
_TOKEN: Final = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")


def new_token() -> str:
    """Return a new token of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def is_token(text: str) -> bool:
    """Return whether a text has the form of a token. Nothing is looked up."""
    return _TOKEN.fullmatch(text) is not None


def digest(token: str) -> bytes:
    """Return the hash by which a token is stored and looked up.

    A plain SHA-256 is enough: nobody can guess 256 random bits, however fast the hash is.
    """
    return hashlib.sha256(token.encode()).digest()
