"""Fills in the secrets that the settings only name. A worker reads them from Secret Manager."""

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

# How long we may use an old password after a rotation.
FRESH: Final = timedelta(minutes=5)

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"

_log: Final = logging.getLogger(__name__)
_lock: Final = threading.Lock()
_secrets: dict[str, tuple[float, bytes]] = {}
_files: dict[bytes, Path] = {}


def connection_string(settings: DatabaseSettings) -> str:
    """Return the connection string of the settings, with the secrets filled in.

    Secrets are read again after ``FRESH``. While Secret Manager does not answer, the previous value
    is used. Certificates are written to a file that only this user can read, since libpq accepts
    only files. Without an ``sslmode`` the server is verified as strictly as libpq can.

    Raises:
        ConfigurationError: a secret does not exist, may not be read, or is invalid.
        TransientError: Secret Manager does not answer.
    """
    filled: dict[str, str] = {}
    if settings.password_secret is not None:
        filled["password"] = read_password(settings.password_secret)
    if settings.ca_secret is not None:
        filled["sslrootcert"] = str(_certificates(settings.ca_secret))
        if "sslmode" not in conninfo_to_dict(settings.dsn):
            # By default libpq falls back to plain text if it cannot verify the server.
            filled["sslmode"] = "verify-full"
    return make_conninfo(settings.dsn, **filled) if filled else settings.dsn


def read_password(name: str) -> str:
    """Return the text of a secret: read again after ``FRESH``, as ``connection_string`` does.

    Raises:
        ConfigurationError: the secret does not exist, may not be read, or is invalid.
        TransientError: Secret Manager does not answer.
    """
    try:
        password = _secret(name).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        password = ""
    # libpq would stop at a NUL.
    if not password or "\0" in password:
        raise ConfigurationError(
            f"the secret {name} contains no valid password: add a version with a password"
        )
    return password


def _certificates(name: str) -> Path:
    content = _secret(name)
    if _CERTIFICATE not in content:
        raise ConfigurationError(
            f"the secret {name} contains no PEM certificate: add a version with the certificates"
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
    # The import takes half a second, and only workers need it.
    from pipeline.clients.postgres.secret_manager import read_secret  # noqa: PLC0415

    try:
        return read_secret(version)
    except TransientError as error:
        if known is None:
            raise
        _log.warning("%s; using the previous value", error)
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
