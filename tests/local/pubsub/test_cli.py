"""``python -m local.pubsub`` as a user runs it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import grpc
import pytest
from google.pubsub_v1 import types

from tests.local.pubsub import raw
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
    process: subprocess.Popen[str], project: Project, number: signal.Signals
) -> None:
    project.publish("hello")
    assert project.pull_texts(1) == ["hello"]

    process.send_signal(number)
    _, stderr = process.communicate(timeout=STOP_SECONDS)

    assert (process.returncode, stderr) == (0, "")


def test_a_signal_does_not_wait_for_a_pull(
    process: subprocess.Popen[str], address: str, project: Project
) -> None:
    other_topic = project.create_topic("audit")
    with grpc.insecure_channel(address) as channel:
        pull = raw.pull(channel).future(
            types.PullRequest(subscription=project.subscription, max_messages=1), timeout=60
        )
        # The answer uses the same connection, so the pull has arrived too.
        message = types.PubsubMessage(data=b"x")
        raw.publish(channel)(types.PublishRequest(topic=other_topic, messages=[message]))

        process.terminate()
        _, stderr = process.communicate(timeout=STOP_SECONDS)

        assert pull.exception(STOP_SECONDS) is not None
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
