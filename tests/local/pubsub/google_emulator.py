"""Google's own emulator, if the Cloud SDK has installed it."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LAUNCHER = Path("platform/pubsub-emulator/bin/cloud-pubsub-emulator")
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class Unusable(Exception):
    """The emulator can't run here; the text states the reason."""


@contextmanager
def google_emulator() -> Iterator[str]:
    """Run the emulator and yield its address.

    Raises:
        Unusable: if it is not installed or does not start.
    """
    launcher = _find_launcher()
    port = _free_port()
    process = subprocess.Popen(
        [launcher, "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_listening(process, port)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def _find_launcher() -> Path:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise Unusable("gcloud is not installed")
    launcher = Path(gcloud).resolve().parent.parent / _LAUNCHER
    if not launcher.is_file():
        raise Unusable("gcloud has no component pubsub-emulator")
    if shutil.which("java") is None:
        raise Unusable("gcloud's component pubsub-emulator needs java")
    return launcher


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise Unusable(f"Google's emulator exited with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Unusable(f"Google's emulator did not listen within {_START_SECONDS:.0f} s")
