"""A PgBouncer in front of a test's database, if this machine has the program."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.databases import Database
from tests.deadline import wait_until

# Debian's folder for it is not on every PATH.
_PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
# It does not work as root, and this user is on every machine.
_NOBODY: Final = "nobody"

needs_pgbouncer = pytest.mark.skipif(_PROGRAM is None, reason="pgbouncer is not installed here")


@contextmanager
def pgbouncer(database: Database, mode: str, *, ignores_options: bool) -> Iterator[Database]:
    """The database behind a pooler that shares two connections to the server."""
    with tempfile.TemporaryDirectory(prefix="fanout-pgbouncer-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        port = _free_port()
        logins = [database.dsn, database.writer_dsn, database.operator_dsn, database.jobs_dsn]
        users = [conninfo_to_dict(dsn) for dsn in logins]
        (folder / "users").write_text(
            "".join(f'"{user["user"]}" "{user["password"]}"\n' for user in users)
        )
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": folder / "users",
            "pool_mode": mode,
            "default_pool_size": 2,
            "logfile": folder / "log",
        }
        if ignores_options:
            settings["ignore_startup_parameters"] = "options"
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        server = f"host=127.0.0.1 port={database.cluster.port}"
        (folder / "ini").write_text(f"[databases]\n* = {server}\n[pgbouncer]\n{lines}")
        (folder / "log").touch()
        for name in ("ini", "users", "log"):
            (folder / name).chmod(0o666)
        assert _PROGRAM is not None
        identity = ["-u", _NOBODY] if os.geteuid() == 0 else []
        process = subprocess.Popen(
            [_PROGRAM, *identity, "-q", str(folder / "ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _Pooled.port = port
            pooled = _Pooled(database.name, database.cluster)
            wait_until(
                lambda: process.poll() is None and _answers(pooled.writer_dsn),
                seconds=20,
                what=f"pgbouncer accepts connections: {(folder / 'log').read_text()}",
            )
            yield pooled
        finally:
            process.terminate()
            process.wait(10)


class _Pooled(Database):
    port: int

    @property
    def dsn(self) -> str:
        return make_conninfo(super().dsn, port=self.port)

    def _as(self, user: str) -> str:
        return make_conninfo(super()._as(user), port=self.port)


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
