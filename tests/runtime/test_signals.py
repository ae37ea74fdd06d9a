"""A stop at a signal works wherever the signal comes, also while the code holds a lock."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from pipeline.runtime.signals import stopped_by_signals

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 20
# The lock of an event is held when the signal comes, as within ``Event.wait``.
PROGRAM: Final = """
import os, signal, threading
from pipeline.runtime.signals import stopped_by_signals
stop = threading.Event()
def in_the_handler(stop):
    signal.signal(signal.SIGTERM, lambda *_: stop())
with {how}:
    with stop._cond:
        os.kill(os.getpid(), signal.SIGTERM)
    print(stop.wait({seconds}), flush=True)
"""
IN_A_THREAD: Final = "stopped_by_signals(stop.set)"
IN_THE_HANDLER: Final = "threading.Lock() if in_the_handler(stop.set) is None else None"


def run(how: str, seconds: float) -> str:
    program = PROGRAM.format(how=how, seconds=SECONDS)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=True,
    )
    return ended.stdout.strip()


def test_a_signal_that_comes_while_the_event_is_locked_stops_all_the_same() -> None:
    assert run(IN_A_THREAD, 60) == "True"


def test_control_a_handler_that_waits_for_the_lock_waits_for_ever() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run(IN_THE_HANDLER, 5)


def test_the_first_signal_stops_and_the_second_has_its_usual_effect() -> None:
    stop = threading.Event()
    with stopped_by_signals(stop.set):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(SECONDS)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
