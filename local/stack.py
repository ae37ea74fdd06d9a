"""The embedded stack: starts all parts in the order of their dependencies."""

import hashlib
import hmac
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Self

import psycopg
from google.api_core.exceptions import GoogleAPICallError
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from local import topics
from local.debezium import Debezium
from local.errors import PartStopped, StartFailed
from local.ports import usual_port
from local.postgres import Postgres
from local.provider import LocalResend
from local.pubsub import Emulator
from local.push_provider import LocalPush
from local.revival import Revival
from local.service import Service

_ROOT = Path(__file__).parents[1]
_DATABASE = "app"
_CAPTURE_ROLE = "fanout_cdc"
_WRITER_ROLE = "fanout_writer"
_OPERATOR_ROLE = "fanout_operator"
_VIEWER_ROLE = "fanout_viewer"
_JOBS_ROLE = "fanout_jobs"
_SENDER_ROLE = "fanout_sender"
_PUSH_ROLE = "fanout_push"
_REACTIONS_ROLE = "fanout_reactions"
_ROLES = (
    *(_CAPTURE_ROLE, _WRITER_ROLE, _OPERATOR_ROLE, _VIEWER_ROLE),
    *(_JOBS_ROLE, _SENDER_ROLE, _PUSH_ROLE, _REACTIONS_ROLE),
)
_MIGRATE = (
    *(sys.executable, "-m", "pipeline", "migrate"),
    *("--family", "jobs", "--family", "mail", "--family", "activity", "--family", "reactions"),
    "--reference-schema",
)
_WATCH_SECONDS = 0.5
_WEBHOOK_KEY = "of-the-embedded-stack-only-and-known-to-all"


class Stack:
    """Postgres with the schema, Pub/Sub with its topics, Debezium, the service and a Resend.

    Everything listens on loopback. `data_dir` keeps the data of Postgres and the position of
    Debezium. Messages are lost when the stack stops.

    Args:
        data_dir: Created if missing.
        report: Receives one line for each part that is ready.
        emulator: Host and port of a Pub/Sub emulator to use instead of our own.
        usual_ports: Use the ports of this folder's last stack, if they are free.
        service: Whether to start the HTTP service too.
        resend: Takes the mails; without it there are no variables for sending them.
        push: Takes pushes; the same.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        report: Callable[[str], None] = lambda _: None,
        emulator: str | None = None,
        usual_ports: bool = False,
        service: bool = False,
        resend: LocalResend | None = None,
        push: LocalPush | None = None,
    ) -> None:
        self._given_emulator = emulator
        self._data_dir = data_dir
        self._report = report
        self._parts = ExitStack()
        self._emulator_address = ""
        self._passwords: dict[str, str] = {}
        self._usual_ports = usual_ports
        self.postgres = Postgres(data_dir / "postgres", port=self._port("postgres"))
        self.debezium: Debezium | None = None
        self._service = (
            Service(data_dir / "service", port=self._port("service")) if service else None
        )
        self._resend = resend
        self._push = push

    def start(self) -> None:
        """Start all parts; if one fails, stop the others.

        Raises:
            StackError: A part did not start.
        """
        try:
            self._start_postgres()
            self._start_pubsub()
            if self._resend is not None:
                self._start_resend(self._resend)
            self._migrate()
            if self._push is not None:
                self._start_push(self._push)
            if self._service is not None:
                self._begin(self._service)
            self._start_debezium()
            if self._service is not None:
                with self._reported("Service"):
                    self._service.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all parts; harmless if none is running."""
        self._parts.close()

    def watch(self, stop: Event) -> None:
        """Return when `stop` is set; until then, start what has ended again, except Postgres.

        Raises:
            PartStopped: Postgres ended by itself.
        """
        revivals = [
            Revival(name, part, self._report, self._reported)
            for name, part in (("Debezium", self.debezium), ("Service", self._service))
            if part is not None
        ]
        while not stop.wait(_WATCH_SECONDS):
            for each in revivals:
                self._check_postgres()
                each.look()

    def remove(self) -> None:
        """Delete everything that the stack kept.

        Raises:
            FolderInUse: The stack runs, here or in another process.
        """
        self.postgres.remove()
        shutil.rmtree(self._data_dir, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """Return the variables that another process needs to use this stack."""
        return {
            "DATABASE_URL": self.postgres.dsn(_DATABASE),
            "WRITER_DATABASE_URL": self._role_url(_WRITER_ROLE),
            "OPERATOR_DATABASE_URL": self._role_url(_OPERATOR_ROLE),
            "VIEWER_DATABASE_URL": self._role_url(_VIEWER_ROLE),
            "CAPTURE_DATABASE_URL": self.capture_url(),
            "PUBSUB_EMULATOR_HOST": self._emulator_address,
            "PUBSUB_PROJECT_ID": topics.PROJECT,
            "SUBSCRIPTION": topics.subscription_path(topics.EVENTS_SUBSCRIPTION),
            "TOPIC": topics.topic_path(topics.EVENTS),
            "DEAD_LETTER_TOPIC": topics.topic_path(topics.DEAD_LETTERS),
            "JOBS_DATABASE_URL": self._role_url(_JOBS_ROLE),
            "JOBS_SUBSCRIPTION": topics.subscription_path(topics.TICKS_SUBSCRIPTION),
            "TICK_TOPIC": topics.topic_path(topics.TICKS),
            "SENDER_DATABASE_URL": self._role_url(_SENDER_ROLE),
            "PUSH_DATABASE_URL": self._role_url(_PUSH_ROLE),
            "REACTIONS_DATABASE_URL": self._role_url(_REACTIONS_ROLE),
            "MAIL_SUBSCRIPTION": topics.subscription_path(topics.MAIL_SUBSCRIPTION),
            "PUSH_SUBSCRIPTION": topics.subscription_path(topics.PUSH_SUBSCRIPTION),
            "REACTIONS_SUBSCRIPTION": topics.subscription_path(topics.REACTIONS_SUBSCRIPTION),
            "REACTION_TOPIC": topics.topic_path(topics.REACTION_EVENTS),
            # Webhooks may go to this machine. The key stays the same, since the database does.
            "WEBHOOK_KEY": _WEBHOOK_KEY,
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            **({} if self._resend is None else self._resend.variables()),
            **({} if self._push is None else self._push.variables()),
            **({} if self._service is None else self._service.variables()),
        }

    def write_environment(self) -> Path:
        """Write the variables as a shell file, which contains passwords; return its path."""
        path = self._data_dir / "env"
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        # At the end of PATH: used only if the machine has no psql of its own.
        programs = shlex.quote(str(self.postgres.programs))
        partial.write_text(f'{self.exports()}export PATH="$PATH":{programs}\n', "utf-8")
        partial.replace(path)
        return path

    def exports(self) -> str:
        """Return the variables as lines for a shell."""
        return "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in self.environment().items()
        )

    def capture_url(self) -> str:
        """Return the URL of the database for the role of Debezium."""
        return self._role_url(_CAPTURE_ROLE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_postgres(self) -> None:
        with self._reported("Postgres"):
            self._parts.callback(self.postgres.stop)
            self.postgres.start()
            with psycopg.connect(self.postgres.dsn(), autocommit=True) as connection:
                exists = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(exists, (_DATABASE,)).fetchone() is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(_name(_DATABASE)))

    def _start_pubsub(self) -> None:
        given = self._given_emulator
        with self._reported(f"Pub/Sub at {given}" if given else "Pub/Sub"):
            if given:
                self._emulator_address = given
            else:
                emulator = Emulator(self._port("pubsub"))
                self._parts.callback(emulator.stop)
                self._emulator_address = emulator.start()
            try:
                topics.create(self._emulator_address)
            except GoogleAPICallError as error:
                raise StartFailed("Pub/Sub", str(error)) from error

    def _start_resend(self, resend: LocalResend) -> None:
        with self._reported("Resend"):
            self._parts.callback(resend.stop)
            resend.start()

    def _start_push(self, push: LocalPush) -> None:
        with self._reported("Bus and FCM"):
            self._parts.callback(push.stop)
            push.start(self.postgres.dsn(_DATABASE))

    def _migrate(self) -> None:
        with self._reported("Schema"):
            outcome = subprocess.run(  # noqa: S603 - our own program
                _MIGRATE,
                cwd=_ROOT,
                env=os.environ | {"DATABASE_URL": self.postgres.dsn(_DATABASE)},
                capture_output=True,
                text=True,
                check=False,
            )
            if outcome.returncode != 0:
                complaint = (outcome.stderr.strip() or "the migration failed").splitlines()[-1]
                raise StartFailed("Schema", complaint)
            self._let_roles_log_in()

    def _let_roles_log_in(self) -> None:
        """Give the roles a password: migrations create roles that can't log in."""
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
        with psycopg.connect(self.postgres.dsn(), autocommit=True) as connection:
            for role in _ROLES:
                self._passwords[role] = self._password(role)
                connection.execute(
                    statement.format(_name(role), sql.Literal(self._passwords[role]))
                )

    def _password(self, role: str) -> str:
        """Return the role's password: fixed for one folder, different in every folder."""
        secret = conninfo_to_dict(self.postgres.dsn())["password"]
        return hmac.new(str(secret).encode(), role.encode(), hashlib.sha256).hexdigest()[:32]

    def _port(self, part: str) -> int:
        return usual_port(self._data_dir, part) if self._usual_ports else 0

    def _begin(self, service: Service) -> None:
        """Start its process, which gets ready while Debezium starts."""
        self._parts.callback(service.stop)
        service.begin(
            {
                "OPERATOR_DATABASE_URL": self._role_url(_OPERATOR_ROLE),
                "VIEWER_DATABASE_URL": self._role_url(_VIEWER_ROLE),
                "PUBSUB_EMULATOR_HOST": self._emulator_address,
            }
        )

    def _start_debezium(self) -> None:
        with self._reported("Debezium"):
            self.debezium = Debezium(
                self._data_dir / "debezium",
                database_url=self.capture_url(),
                emulator=self._emulator_address,
                project=topics.PROJECT,
            )
            self._parts.callback(self.debezium.stop)
            self.debezium.start()

    def _check_postgres(self) -> None:
        if not self.postgres.is_running:
            raise PartStopped("Postgres", self.postgres.log_path)

    def _role_url(self, role: str) -> str:
        return self.postgres.dsn(_DATABASE, role, self._passwords[role])

    @contextmanager
    def _reported(self, part: str, state: str = "ready") -> Iterator[None]:
        started = time.monotonic()
        yield
        self._report(f"{part}: {state} after {time.monotonic() - started:.1f} s")


def _name(identifier: str) -> sql.Identifier:
    return sql.Identifier(identifier)
