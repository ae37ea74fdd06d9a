"""``python -m local.pubsub`` as a user runs it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from tests.local.pubsub.project import Project

STOP_SECONDS = 10.0


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    process = _start("--port", "0")
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    name, _, address = process.stdout.readline().strip().partition("=")
    assert name == "PUBSUB_EMULATOR_HOST"
    return address


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_exits_with_zero(
    process: subprocess.Popen[str],
    publisher: PublisherClient,
    subscriber: SubscriberClient,
    number: signal.Signals,
) -> None:
    project = Project(publisher, subscriber)
    project.publish("hello")
    assert project.pull_texts(1) == ["hello"]

    process.send_signal(number)
    _, stderr = process.communicate(timeout=STOP_SECONDS)

    assert (process.returncode, stderr) == (0, "")


def test_a_taken_port_is_one_line_on_stderr() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = _start("--port", str(port))
        stdout, stderr = process.communicate(timeout=STOP_SECONDS)

    assert process.returncode == 1
    assert stdout == ""
    assert str(port) in stderr.splitlines()[-1]


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.pubsub", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
