"""Debezium as a child process."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from local import processes
from local.errors import StartFailed

_PART = "Debezium"
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05

_PREFIX = "Debezium stopped: "
# Debezium quotes positions that are a thousand characters long.
_QUOTED = re.compile(r" ?\[[^][]*\]")
_SENTENCE_END = re.compile(r"\. +(?=[A-Z])")
_FEW_WORDS = 200

_SLOT_TAKEN_SINCE = """
    SELECT FROM pg_replication_slots AS slot
    JOIN pg_stat_activity AS walsender ON walsender.pid = slot.active_pid
    WHERE slot.slot_name = %s AND walsender.backend_start >= %s
"""


class Debezium:
    """Publishes the inserts into one database's `domain_events`, from a process of its own.

    The position is kept in `data_dir`, so a later start continues where an earlier run ended, even
    if that run was killed. Changes published after the last recorded position are published again.

    Args:
        data_dir: For the position and the log; created if missing.
        database_url: The URL of the database, with a role that has REPLICATION.
        emulator: Host and port of the Pub/Sub emulator.
        project: The Pub/Sub project; its topics must exist.
        configuration: The file to use instead of the deployed one.
        slot: The replication slot; created if missing.
        publication: The publication of the database.
        reactions: The table with the events of reactions.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str,
        emulator: str,
        project: str,
        configuration: Path | None = None,
        slot: str = "fanout_events",
        publication: str = "fanout_events",
        reactions: str = "reactions.events",
    ) -> None:
        self._data_dir = data_dir
        self._database_url = database_url
        self._emulator = emulator
        self._project = project
        self._slot = slot
        self._publication = publication
        self._reactions = reactions
        self._options: list[str | Path] = []
        if configuration is not None:
            self._options = ["--configuration", configuration.resolve()]
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Return once Debezium reads from the replication slot; creates a missing slot.

        Raises:
            StartFailed: Debezium ended before it read from the slot.
        """
        if self.is_running:
            raise StartFailed(_PART, "it is already running", self.log_path)
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            with psycopg.connect(self._database_url, autocommit=True) as connection:
                row = connection.execute("SELECT clock_timestamp()").fetchone()
                self._process = self._spawn()
                self._wait_for_slot(connection, row)
        except (OSError, psycopg.Error) as error:
            self.kill()
            raise StartFailed(_PART, str(error), self.log_path) from error
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Let it finish the current batch and record the position; harmless if not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._end(signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """The exit status if it ended by itself; None before, and after `stop` and `kill`."""
        return self._process.poll() if self._process is not None else None

    @property
    def last_words(self) -> str:
        """A short reason why it ended by itself; empty if this run's log does not say."""
        status = self.exit_status
        if status is not None and status < 0:
            return f"killed by signal {-status}"
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return _in_few_words(lines[-1].removeprefix(_PREFIX)) if lines else ""

    @property
    def log_path(self) -> Path:
        """The log of its warnings and errors. Every start appends to it."""
        return self._data_dir / "debezium.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            return processes.spawn(
                [sys.executable, "-m", "local.debezium", *self._options],
                folder=_ROOT,
                environment=os.environ | self._environment(),
                output=log,
            )

    def _environment(self) -> dict[str, str]:
        database = {
            name: str(value) for name, value in conninfo_to_dict(self._database_url).items()
        }
        return {
            "DATABASE_HOST": database["host"],
            "DATABASE_PORT": database["port"],
            "DATABASE_NAME": database["dbname"],
            "DATABASE_USER": database["user"],
            "DATABASE_PASSWORD": database["password"],
            "DATABASE_SSLMODE": "disable",
            "SLOT_NAME": self._slot,
            "PUBLICATION_NAME": self._publication,
            "REACTION_EVENTS_TABLE": self._reactions,
            "OFFSETS_FILE": str(self._data_dir.resolve() / "offsets.dat"),
            "PUBSUB_EMULATOR_HOST": self._emulator,
            "PUBSUB_PROJECT_ID": self._project,
        }

    def _wait_for_slot(
        self, connection: psycopg.Connection, since: tuple[object, ...] | None
    ) -> None:
        wanted = (self._slot, *(since or ()))
        deadline = time.monotonic() + _START_SECONDS
        while connection.execute(_SLOT_TAKEN_SINCE, wanted).fetchone() is None:
            if not self.is_running:
                raise StartFailed(_PART, self.last_words or "it wrote nothing", self.log_path)
            if time.monotonic() > deadline:
                raise StartFailed(_PART, "the replication slot stays inactive", self.log_path)
            time.sleep(_POLL_SECONDS)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            processes.end(process, number, timeout=_STOP_SECONDS)


def _in_few_words(text: str) -> str:
    """Return the first sentence, without the parts in brackets."""
    quoted = 1
    while quoted:
        text, quoted = _QUOTED.subn("", text)
    return textwrap.shorten(_SENTENCE_END.split(text)[0], _FEW_WORDS, placeholder=" ...")
