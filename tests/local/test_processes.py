"""A child ends with its parent, whatever the parent does with an interrupt."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.deadline import wait_until

ROOT: Final = Path(__file__).parents[2]
# A program that handles no signal, as one of ours during its imports.
PARENT: Final = """
import os, signal, sys, time
from pathlib import Path
from local.processes import spawn
signal.signal(signal.SIGINT, getattr(signal, sys.argv[1]))
with open(os.devnull, "wb") as output:
    child = spawn(
        [sys.argv[2], "600"], folder=Path.cwd(), environment=os.environ, output=output
    )
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of it")
@pytest.mark.parametrize("handler", ["default_int_handler", "SIG_IGN"])
def test_a_child_ends_with_its_parent_even_if_that_ignores_an_interrupt(handler: str) -> None:
    """The shell of a script starts background programs with SIGINT ignored."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, handler, sleep], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: sleep in child.cmdline()[:1], seconds=30, what="the child runs")
        parent.kill()
    try:
        child.wait(30)
    finally:
        if child.is_running():
            child.kill()
