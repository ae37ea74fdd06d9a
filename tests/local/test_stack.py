"""The embedded stack on the command line: it comes up whole, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from local import topics

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "stack"
    command = [sys.executable, "-m", "local", "clean", "--data-dir", str(tmp_path / "stack")]
    subprocess.run(command, cwd=ROOT, check=True)


def start_up(data_dir: Path, **variables: str) -> subprocess.Popen[str]:
    inherited = {name: v for name, v in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    return subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--data-dir", str(data_dir)],
        cwd=ROOT,
        env=inherited | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def exports_of(up: subprocess.Popen[str]) -> dict[str, str]:
    assert up.stderr is not None
    assert up.stdout is not None
    for line in up.stderr:
        if line.startswith("Everything is up"):
            break
    else:
        pytest.fail(f"it did not come up: exit status {up.wait()}")
    exports: dict[str, str] = {}
    while len(exports) < 7:
        name, _, value = up.stdout.readline().strip().removeprefix("export ").partition("=")
        exports[name] = value
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
                return received.message.attributes["event_type"]
    pytest.fail("no message arrived")


@pytest.mark.e2e
def test_an_inserted_event_reaches_the_subscription_and_an_interrupt_stops_everything(
    data_dir: Path,
) -> None:
    with start_up(data_dir) as up:
        exports = exports_of(up)
        children = descendants_of(up)
        with psycopg.connect(exports["DATABASE_URL"]) as connection:
            connection.execute("INSERT INTO domain_events (event_type) VALUES ('meeting_invited')")
        with psycopg.connect(exports["WRITER_DATABASE_URL"]) as connection:
            assert connection.execute("SELECT count(*) FROM domain_events").fetchone() == (1,)

        assert pull_one(exports) == "meeting_invited"

        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    assert children
    assert_gone(children)


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of it")
def test_nothing_outlives_a_killed_stack_and_it_comes_up_again(data_dir: Path) -> None:
    with start_up(data_dir) as up:
        exports_of(up)
        children = descendants_of(up)
        up.kill()
    assert children
    assert_gone(children)

    with start_up(data_dir) as again:
        exports_of(again)
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0


def test_when_a_part_does_not_start_the_others_are_stopped_and_it_says_which(
    data_dir: Path,
) -> None:
    with start_up(data_dir, PUBSUB_EMULATOR_HOST="127.0.0.1:1") as up:
        assert up.stderr is not None
        progress = up.stderr.readline()
        children = descendants_of(up)
        _, rest = up.communicate(timeout=30)
    assert progress.startswith("Postgres: ready")
    assert rest.startswith("Pub/Sub did not start: ")
    assert rest.count("\n") == 1
    assert up.returncode == 1
    assert_gone(children)
