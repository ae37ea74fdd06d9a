"""Starts and ends child processes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from pwd import struct_passwd
from typing import IO

_LAUNCH = Path(__file__).with_name("launch.py")


def spawn(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: IO[bytes],
    account: struct_passwd | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that the terminal's Ctrl-C does not reach, as `account` if one is given.

    If the main thread starts the program, it is interrupted when this process dies. A program
    started by another thread is interrupted already when that thread ends.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    parent = os.getpid() if in_main_thread else 0
    uid = account.pw_uid if account else os.geteuid()
    gid = account.pw_gid if account else os.getegid()
    launch = (sys.executable, "-I", "-S", _LAUNCH, str(parent), str(uid), str(gid))
    return subprocess.Popen(  # noqa: S603 - our own programs
        [*launch, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o077,
    )


def end(process: subprocess.Popen[bytes], *signals: signal.Signals, timeout: float) -> None:
    """Send the signals in order, waiting `timeout` after each until the process ends; then kill."""
    for number in signals:
        process.send_signal(number)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()
