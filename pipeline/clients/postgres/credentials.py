"""Fills in the secrets that the settings only name. A worker reads them from Secret Manager."""

import os
import tempfile
import threading
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.clients.named_secrets import read_bytes, read_text
from pipeline.domain.errors import ConfigurationError
from pipeline.settings import DatabaseSettings

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"

_lock: Final = threading.Lock()
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
        filled["password"] = read_text(settings.password_secret)
    if settings.ca_secret is not None:
        filled["sslrootcert"] = str(_certificates(settings.ca_secret))
        if "sslmode" not in conninfo_to_dict(settings.dsn):
            # By default libpq falls back to plain text if it cannot verify the server.
            filled["sslmode"] = "verify-full"
    return make_conninfo(settings.dsn, **filled) if filled else settings.dsn


def _certificates(name: str) -> Path:
    content = read_bytes(name)
    if _CERTIFICATE not in content:
        raise ConfigurationError(
            f"the secret {name} contains no PEM certificate: add a version with the certificates"
        )
    return _as_file(content)


def _as_file(content: bytes) -> Path:
    with _lock:
        path = _files.get(content)
        if path is None or not path.exists():
            descriptor, name = tempfile.mkstemp(prefix="fanout-ca-", suffix=".pem")
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            path = _files[content] = Path(name)
        return path
