"""Ctrl-C at any moment of a start. Imports take most of the start."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
DSN: Final = "postgresql://nobody@127.0.0.1:1/x"
# The last imported module when Ctrl-C is pressed, in this order.
EARLY: Final = ("argparse", "pipeline.domain.errors", "psycopg.errors")
LATE: Final = (
    "psycopg",
    "pipeline.topology.fanout",
    "numpy",
    "grpc",
    "google.cloud.pubsub_v1",
    "apache_beam.version",
    "apache_beam.coders",
    "pipeline.runtime.runner",
)


def interrupted(moment: str, *program: str) -> tuple[int, str]:
    """Press Ctrl-C once a module is imported; return the exit status and the output."""
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", *program, "catch-up"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": DSN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            report, _, module = line.rpartition("|")
            if not report.startswith("import time:"):
                said.append(line)
            elif module.strip() == moment:
                process.send_signal(signal.SIGINT)
                pressed = time.monotonic()
        assert process.wait(10) is not None
        assert time.monotonic() - pressed < 5
    return process.returncode, "".join(said)


@pytest.mark.parametrize("moment", [*EARLY, *LATE])
def test_ctrl_c_during_the_start_ends_it_without_a_traceback(moment: str) -> None:
    assert interrupted(moment, "-m", "pipeline") == (130, "")


@pytest.mark.parametrize("moment", EARLY)
def test_control_an_import_that_is_interrupted_ends_in_a_traceback(moment: str) -> None:
    status, said = interrupted(moment, "-c", "from pipeline.__main__ import main; main()")
    assert status != 130
    assert said.startswith("Traceback")
