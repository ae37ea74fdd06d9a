"""Where the password comes from when the settings only name it: Secret Manager, on a worker."""

import logging
import os
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.settings import DatabaseSettings

# How long a rotated password may go unnoticed.
FRESH: Final = timedelta(minutes=5)

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"

_log: Final = logging.getLogger(__name__)
_lock: Final = threading.Lock()
_secrets: dict[str, tuple[float, bytes]] = {}
_files: dict[bytes, Path] = {}


def connection_string(settings: DatabaseSettings) -> str:
    """The settings' connection string, with the secrets that it names filled in.

    Secrets are read again after ``FRESH``; one that was read before is kept while Secret Manager
    does not answer. The certificates are put into a file that only this user can read, since libpq
    takes nothing else; where nothing says how to verify by them, it is as strictly as libpq can.

    Raises:
        ConfigurationError: a secret does not exist, may not be read, or is not what it should be.
        TransientError: Secret Manager does not answer.
    """
    filled: dict[str, str] = {}
    if settings.password_secret is not None:
        filled["password"] = _password(settings.password_secret)
    if settings.ca_secret is not None:
        filled["sslrootcert"] = str(_certificates(settings.ca_secret))
        if "sslmode" not in conninfo_to_dict(settings.dsn):
            # libpq's own default goes on in plain text with a server that it cannot verify.
            filled["sslmode"] = "verify-full"
    return make_conninfo(settings.dsn, **filled) if filled else settings.dsn


def _password(name: str) -> str:
    try:
        password = _secret(name).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        password = ""
    # libpq would end at the NUL.
    if not password or "\0" in password:
        raise ConfigurationError(f"the secret {name} holds no password: add a version that does")
    return password


def _certificates(name: str) -> Path:
    content = _secret(name)
    if _CERTIFICATE not in content:
        raise ConfigurationError(
            f"the secret {name} holds no certificates in PEM: add a version that does"
        )
    return _as_file(content)


def _secret(name: str) -> bytes:
    version = name if "/versions/" in name else f"{name}/versions/latest"
    with _lock:
        known = _secrets.get(version)
        if known is None or time.monotonic() > known[0] + FRESH.total_seconds():
            known = _secrets[version] = (time.monotonic(), _read(version, known and known[1]))
        return known[1]


def _read(version: str, known: bytes | None) -> bytes:
    # Takes half a second to import, and only workers need it.
    from pipeline.clients.postgres.secret_manager import read_secret  # noqa: PLC0415

    try:
        return read_secret(version)
    except TransientError as error:
        if known is None:
            raise
        _log.warning("%s; going on with what it said before", error)
        return known


def _as_file(content: bytes) -> Path:
    with _lock:
        path = _files.get(content)
        if path is None or not path.exists():
            descriptor, name = tempfile.mkstemp(prefix="fanout-ca-", suffix=".pem")
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            path = _files[content] = Path(name)
        return path
