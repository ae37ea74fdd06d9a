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
    """Start a program out of reach of the terminal's Ctrl-C, as `account` if one is given.

    It is interrupted when this process dies, if started from the main thread: to the kernel, the
    end of the thread that started a child is the end of its parent.
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
    """Send one signal after the other, each if the previous did not end it in time, then kill."""
    for number in signals:
        process.send_signal(number)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()
