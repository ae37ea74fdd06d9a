"""One Postgres server process on one data folder."""

import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil
import psycopg

from local import processes
from local.errors import FolderInUse, StartFailed
from local.postgres.home import PROGRAMS, Home

_PART = "Postgres"
_HOST = "127.0.0.1"
_SUPERUSER = "postgres"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02

# Postgres logs messages such as "could not bind" with a lower severity than the exit they cause.
_COMPLAINT = re.compile(r"(?:FATAL|PANIC|error|LOG(?=: +could not)): +(.+)")

_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_slot_wal_keep_size": "1GB",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
}


class Postgres:
    """An embedded Postgres 18 on loopback, with `wal_level=logical`.

    The first start initializes the folder. A later start recovers an earlier run's data, even if
    that run was killed. The first start chooses the port. The object keeps it, so clients can
    reconnect after `crash()` and `start()`. Every role needs a password. The superuser's is random
    and is kept in the folder. Root can use this class too, see `Home`.
    """

    def __init__(self, data_dir: Path, *, port: int = 0, durable: bool = True) -> None:
        self._data_dir = data_dir
        self._port = port
        self._durable = durable
        self._home: Home | None = None
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and return once it accepts connections.

        Raises:
            FolderInUse: Another process has a server on this folder.
            StartFailed: The server did not start for another reason.
        """
        if self.is_running:
            raise StartFailed(_PART, "it is already running", self.log_path)
        self._release()
        try:
            home = self._home = Home.prepare(self._data_dir)
            self._claim_folder()
            _stop_orphan(home.folder / "data")
            self._initialize(home)
            self._launch(home)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.crash()
            raise StartFailed(_PART, str(error), self.log_path) from error
        except BaseException:
            self.crash()
            raise

    def stop(self) -> None:
        """Disconnect the clients and shut the server down; harmless if it is not running."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop at once, without a checkpoint, as after a power cut. The next start recovers."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Delete the cluster and its data.

        Raises:
            FolderInUse: A server runs on this folder.
        """
        if self.is_running:
            raise FolderInUse(self._data_dir)
        self._release()
        if self._data_dir.exists():
            self._claim_folder()
            Home.remove(self._data_dir)
            self._release()

    def dsn(
        self, database: str = "postgres", user: str = _SUPERUSER, password: str | None = None
    ) -> str:
        """Return the connection URL; without a password, it contains the superuser's."""
        if password is None and user == _SUPERUSER:
            password = (self._folder / "password").read_text()
        credentials = quote(user, safe="")
        if password is not None:
            credentials += f":{quote(password, safe='')}"
        return f"postgresql://{credentials}@{_HOST}:{self.port}/{quote(database, safe='')}"

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def host(self) -> str:
        """The loopback address."""
        return _HOST

    @property
    def port(self) -> int:
        """The TCP port; 0 before the first start, unless the caller chose one."""
        return self._port

    @property
    def programs(self) -> Path:
        """The folder of psql and the other programs."""
        return PROGRAMS

    @property
    def log_path(self) -> Path:
        """The server's log. Every start appends to it."""
        return self._folder / "postgres.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _folder(self) -> Path:
        return self._home.folder if self._home else self._data_dir

    def _claim_folder(self) -> None:
        self._lock = os.open(self._data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._release()
            raise FolderInUse(self._data_dir) from error

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _initialize(self, home: Home) -> None:
        if (home.folder / "data").exists():
            return
        password = home.folder / "password"
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        home.give(password)
        # initdb works in a second folder, renamed at the end: an interrupted run leaves no cluster.
        partial = home.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        with self.log_path.open("ab") as log:
            initdb = home.popen(
                "initdb",
                f"--pgdata={partial}",
                f"--username={_SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
                *([] if self._durable else ["--no-sync"]),
                output=log,
            )
            try:
                initdb.wait(_START_SECONDS)
            finally:
                processes.end(initdb, signal.SIGINT, timeout=_STOP_SECONDS)
        if initdb.returncode != 0:
            reason = _complaint(self.log_path.read_text(errors="replace"))
            raise StartFailed(_PART, f"initdb: {reason}", self.log_path)
        partial.rename(home.folder / "data")

    def _launch(self, home: Home) -> None:
        chosen = self._port == 0
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._port = _free_port() if chosen else self._port
            start_of_log = self.log_path.stat().st_size
            self._process = self._spawn(home)
            if self._is_ready(self._process, deadline):
                return
            with self.log_path.open("rb") as log:
                log.seek(start_of_log)
                written = log.read().decode(errors="replace")
            port_was_taken = chosen and "Address already in use" in written
            # The last backends of a killed server will soon notice its death and end.
            still_ending = "pre-existing shared memory block" in written
            if time.monotonic() > deadline or not (port_was_taken or still_ending):
                raise StartFailed(_PART, _complaint(written), self.log_path)
            time.sleep(_POLL_SECONDS)

    def _spawn(self, home: Home) -> subprocess.Popen[bytes]:
        settings = _SETTINGS | {"port": str(self._port)}
        if not self._durable:
            settings["fsync"] = "off"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log_path.open("ab") as log:
            return home.popen("postgres", "-D", str(home.folder / "data"), *options, output=log)

    def _is_ready(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Wait until the server accepts connections; return False if it exits instead."""
        while process.poll() is None:
            try:
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StartFailed(_PART, str(error), self.log_path) from error
                time.sleep(_POLL_SECONDS)
            else:
                return True
        return False

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            processes.end(process, number, signal.SIGQUIT, timeout=_STOP_SECONDS)
        self._release()


def _complaint(log: str) -> str:
    """Return the first reason that a program's log gives for its exit."""
    match = _COMPLAINT.search(log)
    return match[1] if match else (log.strip().splitlines() or ["it wrote nothing"])[-1]


def _stop_orphan(data: Path) -> None:
    """Stop a server that outlived its owner; delete a pid file that names another process."""
    pid_file = data / "postmaster.pid"
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        is_server = Path(process.cwd()) == data.resolve()  # a postmaster works in its data folder
    except (FileNotFoundError, psutil.NoSuchProcess):
        return
    except psutil.AccessDenied:
        is_server = False
    if not is_server:
        pid_file.unlink()
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        _, alive = psutil.wait_procs([process], timeout=_STOP_SECONDS)
        if not alive:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
