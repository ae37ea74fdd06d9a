"""``make demo``, as a newcomer runs it, less the installation."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.e2e


def run_demo(data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: v for name, v in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    return subprocess.run(
        [sys.executable, "-m", "local", "demo", "--data-dir", str(data_dir)],
        cwd=ROOT,
        env=inherited | {"COLUMNS": "200"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_shows_what_everyone_received_twice_over(tmp_path: Path) -> None:
    for _ in range(2):
        demo = run_demo(tmp_path)
        assert demo.returncode == 0, demo.stdout + demo.stderr
        assert 'New file "Appraisal.pdf" was uploaded to Mill Street Lofts.' in demo.stdout
        assert "they muted the thread" in demo.stdout
        assert "payload: fileName: Input should be a valid string" in demo.stdout
        assert "no handler for this event type" in demo.stdout
        assert "from commit to row in the median" in demo.stdout
    assert not list(tmp_path.iterdir()), "the demo left something behind"
    left = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(tmp_path) in argument for argument in process.info["cmdline"] or ())
    ]
    assert left == []


def test_a_demo_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    demo = run_demo(tmp_path)
    assert demo.returncode == 1
    assert str(tmp_path / "demo") in demo.stderr
    assert "Traceback" not in demo.stderr


def test_the_demo_keeps_to_itself_where_another_stack_is_in_use(tmp_path: Path) -> None:
    demo = run_demo(tmp_path, PUBSUB_EMULATOR_HOST="localhost:1")
    assert demo.returncode == 0, demo.stdout + demo.stderr
