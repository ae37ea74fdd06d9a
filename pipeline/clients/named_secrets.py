"""The values of secrets that settings only name. A worker reads them from Secret Manager."""

import logging
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.settings.secret_list import is_secret_name, split_secrets

# How long we may use an old value after a rotation.
FRESH: Final = timedelta(minutes=5)

_log: Final = logging.getLogger(__name__)
_lock: Final = threading.Lock()
_secrets: dict[str, tuple[float, bytes]] = {}


def read_text(name: str, what: str = "password") -> str:
    """Return the text of a secret, without line breaks at its end.

    It is read again after ``FRESH``. While Secret Manager does not answer, the previous value is
    used.

    Args:
        name: ``projects/P/secrets/S``, with or without a version; by default the latest.
        what: what the secret holds, for errors.

    Raises:
        ConfigurationError: the secret does not exist, may not be read, or is invalid.
        TransientError: Secret Manager does not answer.
    """
    try:
        text = read_bytes(name).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    # C libraries would stop at a NUL.
    if not text or "\0" in text:
        raise ConfigurationError(
            f"the secret {name} contains no valid {what}: add a version with a {what}"
        )
    return text


def read_secrets(secrets: Iterable[str], what: str) -> tuple[str, ...]:
    """Return secrets, with those that are only named read as ``read_text`` does.

    One name may stand for several secrets, with commas between them.

    Args:
        secrets: each a secret, or its name.
        what: what they are, for errors.
    """
    found: list[str] = []
    for each in secrets:
        found += split_secrets(read_text(each, what)) if is_secret_name(each) else [each]
    return tuple(found)


def read_bytes(name: str) -> bytes:
    """Return the bytes of a secret, as ``read_text`` does."""
    version = name if "/versions/" in name else f"{name}/versions/latest"
    with _lock:
        known = _secrets.get(version)
        if known is None or time.monotonic() > known[0] + FRESH.total_seconds():
            known = _secrets[version] = (time.monotonic(), _read(version, known and known[1]))
        return known[1]


def _read(version: str, known: bytes | None) -> bytes:
    # The import takes half a second, and only workers need it.
    from pipeline.clients.secret_manager import read_secret  # noqa: PLC0415

    try:
        return read_secret(version)
    except TransientError as error:
        if known is None:
            raise
        _log.warning("%s; using the previous value", error)
        return known
