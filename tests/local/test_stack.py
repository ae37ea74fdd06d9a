"""The embedded stack on the command line: it starts completely and leaves nothing behind."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg
import pytest

from local import topics
from local.ports import usual_port
from local.pubsub import Emulator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "stack"
    command = [sys.executable, "-m", "local", "clean", "--data-dir", str(tmp_path / "stack")]
    subprocess.run(command, cwd=ROOT, check=True)


@contextmanager
def start_up(data_dir: Path, *flags: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start the stack; it ends with the block at the latest."""
    inherited = {name: v for name, v in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    with subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--data-dir", str(data_dir), *flags],
        cwd=ROOT,
        env=inherited | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        try:
            yield up
        finally:
            up.kill()


def exports_of(up: subprocess.Popen[str]) -> dict[str, str]:
    assert up.stderr is not None
    assert up.stdout is not None
    for line in up.stderr:
        if line.startswith("Everything is up"):
            break
    else:
        pytest.fail(f"it did not come up: exit status {up.wait()}")
    exports: dict[str, str] = {}
    # The service's token is the last one.
    while "FANOUT_TOKEN" not in exports:
        name, _, value = up.stdout.readline().strip().removeprefix("export ").partition("=")
        [exports[name]] = shlex.split(value)
    return exports


def descendants_of(up: subprocess.Popen[str]) -> list[psutil.Process]:
    descendants: list[psutil.Process] = psutil.Process(up.pid).children(recursive=True)
    return descendants


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def pull_one(exports: dict[str, str]) -> str:
    deadline = time.monotonic() + 30
    with topics.clients(exports["PUBSUB_EMULATOR_HOST"]) as (_, subscriber):
        while time.monotonic() < deadline:
            request = {"subscription": exports["SUBSCRIPTION"], "max_messages": 1}
            for received in subscriber.pull(request=request, timeout=30).received_messages:
                return received.message.attributes["id"]
    pytest.fail("no message arrived")


def insert(exports: dict[str, str]) -> str:
    """Insert an event; return its id, as in a message."""
    statement = "INSERT INTO domain_events (event_type) VALUES ('meeting_invited') RETURNING id"
    with psycopg.connect(exports["DATABASE_URL"]) as connection:
        [(event_id,)] = connection.execute(statement).fetchall()
    return str(event_id)


def send_one(exports: dict[str, str], mails: Path) -> Path:
    """Send a mail with the variables of the stack; return the file with its HTML."""
    answer = httpx2.post(
        f"{exports['RESEND_BASE_URL']}/emails",
        headers={"Authorization": f"Bearer {exports['RESEND_API_KEY']}"},
        json={
            "from": exports["EMAIL_FROM"],
            "to": ["ann@example.com"],
            "subject": "Hello",
            "html": "<p>Hello</p>",
        },
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    [page] = mails.glob(f"*-{answer.json()['id']}/mail.html")
    return page


def caller_of(exports: dict[str, str]) -> dict[str, Any]:
    """Ask the service who holds the token of the stack."""
    answer = httpx2.get(
        f"{exports['SERVICE_URL']}/v1/me",
        headers={"Authorization": f"Bearer {exports['FANOUT_TOKEN']}"},
        timeout=30,
    )
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def drop_slot(exports: dict[str, str]) -> None:
    """Drop the slot in the second before its reader returns."""
    with psycopg.connect(exports["DATABASE_URL"], autocommit=True) as connection:
        of_slot = "FROM pg_replication_slots WHERE slot_name = 'fanout_events'"
        connection.execute(f"SELECT pg_terminate_backend(active_pid, 5000) {of_slot}".encode())
        connection.execute(f"SELECT pg_drop_replication_slot(slot_name) {of_slot}".encode())


def sourced(path: Path) -> dict[str, str]:
    """Return the variables of a shell that has read the file."""
    done = subprocess.run(
        ["/bin/sh", "-c", '. "$1"; env', "sh", str(path)],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {
        name: value
        for name, _, value in pairs
        if name not in {"PWD", "_", "SHLVL", "OLDPWD", "PATH"}
    }


def told_by_psql(path: Path) -> str:
    """Return psql's output in a shell that has read the file and has no other psql."""
    asked = '. "$1"; psql "$DATABASE_URL" -XqtAc "SELECT current_database()"'
    return subprocess.run(
        ["/bin/sh", "-c", asked, "sh", str(path)],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def line_of(up: subprocess.Popen[str], words: str) -> str:
    """Return the next line on stderr; it must contain these words."""
    assert up.stderr is not None
    line = up.stderr.readline()
    assert words in line
    return line


def child_of(up: subprocess.Popen[str], words: str) -> psutil.Process:
    """Find a direct child: for a moment, a fork of the child has the same command line."""
    children: list[psutil.Process] = psutil.Process(up.pid).children()
    [found] = [child for child in children if words in child.cmdline()]
    return found


@pytest.mark.e2e
def test_an_inserted_event_reaches_the_subscription_and_an_interrupt_stops_everything(
    data_dir: Path,
) -> None:
    with start_up(data_dir) as up:
        exports = exports_of(up)
        children = descendants_of(up)
        event = insert(exports)
        for name in ("WRITER_DATABASE_URL", "CAPTURE_DATABASE_URL", "JOBS_DATABASE_URL"):
            with psycopg.connect(exports[name]) as connection:
                assert connection.execute("SELECT count(*) FROM domain_events").fetchone() == (1,)

        assert pull_one(exports) == event
        page = send_one(exports, data_dir / "mails")
        assert page.read_text("utf-8") == "<p>Hello</p>"

        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    assert children
    assert_gone(children)


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of it")
def test_nothing_outlives_a_killed_stack_and_it_comes_up_again_where_it_was(
    data_dir: Path,
) -> None:
    with start_up(data_dir) as up:
        before = exports_of(up)
        children = descendants_of(up)
        up.kill()
    assert children
    assert_gone(children)

    # A shell with the variables of the earlier stack can start a new one too.
    with start_up(data_dir, PUBSUB_EMULATOR_HOST=before["PUBSUB_EMULATOR_HOST"]) as again:
        assert exports_of(again) == before
        assert sourced(data_dir / "env") == before
        assert told_by_psql(data_dir / "env") == "app"
        assert (data_dir / "env").stat().st_mode & 0o777 == 0o600
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_what_ends_is_started_again_until_it_runs_and_a_lost_slot_can_be_fixed(
    data_dir: Path,
) -> None:
    log = data_dir / "debezium" / "debezium.log"
    with start_up(data_dir) as up:
        exports = exports_of(up)
        postgres = child_of(up, "wal_level=logical")
        child_of(up, "local.debezium").kill()

        assert line_of(up, "Debezium stopped") == (
            f"Debezium stopped: killed by signal 9 (log: {log}); starting it again in 1 s\n"
        )
        line_of(up, "Debezium: back after ")
        event = insert(exports)
        assert pull_one(exports) == event

        assert caller_of(exports)["scopes"] == ["operate", "read"]
        child_of(up, "serve").kill()
        assert "Service stopped: killed by signal 9" in line_of(up, "starting it again in 1 s")
        line_of(up, "Service: back after ")
        assert caller_of(exports)["means"] == "token"

        drop_slot(exports)
        gone = "no longer available on the server"
        assert gone in line_of(up, f"(log: {log}); starting it again in 2 s")
        assert gone in line_of(up, f"(log: {log}); starting it again in 4 s")
        # The fix of the runbook, which also covers a missing slot.
        (log.parent / "offsets.dat").unlink()
        line_of(up, "Debezium: back after ")
        event = insert(exports)
        assert pull_one(exports) == event
        assert postgres.is_running()

        drop_slot(exports)
        line_of(up, "starting it again in ")
        up.send_signal(signal.SIGINT)
        line_of(up, "Stopping ...")
        assert up.wait(30) == 0


@pytest.mark.e2e
def test_without_postgres_the_stack_ends_and_does_not_start_debezium_again(data_dir: Path) -> None:
    with start_up(data_dir) as up:
        exports_of(up)
        children = descendants_of(up)
        child_of(up, "local.debezium").kill()
        line_of(up, "starting it again in 1 s")
        child_of(up, "wal_level=logical").send_signal(signal.SIGQUIT)
        line_of(up, "Postgres stopped (log: ")
        assert up.wait(30) == 1
    assert_gone(children)


def test_when_a_part_does_not_start_the_others_are_stopped_and_it_says_which(
    data_dir: Path,
) -> None:
    with start_up(data_dir, "--emulator", "127.0.0.1:1") as up:
        assert up.stderr is not None
        progress = up.stderr.readline()
        children = descendants_of(up)
        _, rest = up.communicate(timeout=30)
    assert progress.startswith("Postgres: ready")
    assert rest.startswith("Pub/Sub did not start: ")
    assert rest.count("\n") == 1
    assert up.returncode == 1
    assert_gone(children)


def test_an_emulator_that_runs_already_is_used_by_nobody_who_did_not_ask(data_dir: Path) -> None:
    with Emulator() as foreign:
        address = foreign.address
        with start_up(data_dir, PUBSUB_EMULATOR_HOST=address) as up:
            output, errors = up.communicate(timeout=30)
    assert (up.returncode, output) == (1, "")
    assert errors.startswith(f"PUBSUB_EMULATOR_HOST={address} is set, and process {os.getpid()} (")
    assert f"make up EMULATOR={address}" in errors
    assert "unset PUBSUB_EMULATOR_HOST" in errors
    assert not data_dir.exists()


def test_a_folder_has_its_ports_unless_another_program_has_them(tmp_path: Path) -> None:
    port = usual_port(tmp_path, "postgres")
    assert port == usual_port(tmp_path, "postgres") != usual_port(tmp_path, "pubsub")
    assert port != usual_port(tmp_path / "other", "postgres")
    with socket.create_server(("127.0.0.1", port)):
        assert usual_port(tmp_path, "postgres") == 0
    assert usual_port(tmp_path, "postgres") == port


def test_without_a_command_it_shows_its_help() -> None:
    command = [sys.executable, "-m", "local"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run the stack in the foreground" in done.stderr
