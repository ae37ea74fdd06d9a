"""The embedded Debezium ends although a thread of its JVM does not."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 60
# A thread of the JVM that never ends, and the program's end in the way that is given.
PROGRAM: Final = """
import jpype
from local.debezium.__main__ import end_with
from local.debezium.java import start_jvm
start_jvm()
never = jpype.JClass("java.util.concurrent.CountDownLatch")(1)
runnable = jpype.JProxy("java.lang.Runnable", dict={{"run": never.await_}})
jpype.JClass("java.lang.Thread")(runnable).start()
def run():
    {how}
print("running", flush=True)
{end}
"""


def start(how: str, end: str = "end_with(run)") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(how=how, end=end)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("return 0", 0, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("raise LookupError('unforeseen')", 1, "LookupError: unforeseen"),
    ],
)
def test_the_process_ends_with_a_status_however_it_comes_to_its_end(
    how: str, status: int, told: str
) -> None:
    with start(how) as program:
        _, errors = program.communicate(timeout=SECONDS)
    assert program.returncode == status, errors
    assert told in errors


def test_control_a_usual_end_waits_for_the_thread() -> None:
    with start("raise KeyboardInterrupt", end="run()") as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "running\n"
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(5)
        program.kill()
