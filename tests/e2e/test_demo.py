"""``make demo``, as a new user runs it, without the installation."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
ADDED = "ceiling_was_painted"

pytestmark = pytest.mark.e2e


def run_demo(
    data_dir: Path, root: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    inherited = {name: v for name, v in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    return subprocess.run(
        [sys.executable, "-m", "local", "demo", "--data-dir", str(data_dir)],
        cwd=root,
        env=inherited | {"COLUMNS": "200"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that both demos use."""
    return tmp_path_factory.mktemp("demos")


@pytest.fixture(scope="module")
def first(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the first demo."""
    return run_demo(folder)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that the demo needs, for changes."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("pipeline", "local", "migrations", "debezium", "docs", "tests", "tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, clone / name, ignore=ignored)
    return clone


@pytest.fixture(scope="module")
def second(
    folder: Path, clone: Path, first: subprocess.CompletedProcess[str]
) -> subprocess.CompletedProcess[str]:
    """Run a second demo, of a clone with one more event type, while another stack is in use.

    Nothing listens at the address of that stack.
    """
    assert first.returncode == 0, first.stdout + first.stderr
    command = [sys.executable, "-m", "tools.new_event", ADDED]
    subprocess.run(command, cwd=clone, capture_output=True, check=True)
    return run_demo(folder, clone, PUBSUB_EMULATOR_HOST="localhost:1")


def test_the_demo_shows_what_everyone_received_twice_over(
    folder: Path,
    first: subprocess.CompletedProcess[str],
    second: subprocess.CompletedProcess[str],
) -> None:
    for demo in (first, second):
        assert demo.returncode == 0, demo.stdout + demo.stderr
        assert 'New file "Appraisal.pdf" was uploaded to Mill Street Lofts.' in demo.stdout
        assert "they muted the thread" in demo.stdout
        assert "payload: fileName: a string is needed" in demo.stdout
        assert "no handler for this event type" in demo.stdout
        assert re.search(r"event  user\.verified: Maya Lindqvist +done after \d", demo.stdout)
        assert re.search(r"task  notify_user_of_priorities +for account_manager", demo.stdout)
        # A tick led to these: the sample has a meeting that begins soon, and an unread message.
        assert "Reminder: Meeting in 20 minutes" in demo.stdout
        assert "1 unread message in #Closing checklist" in demo.stdout
        assert re.search(r"done +meeting-reminders +\d events written", demo.stdout)
        assert re.search(r"done +unread-thread-nudges +\d events written", demo.stdout)
        assert re.search(r"^ +bus +Amara Diallo: \S", demo.stdout, re.M)
        assert re.search(r"^ +phone +Maya Lindqvist: \S", demo.stdout, re.M)
        held = r"^ +held +Grace Oduya: .*the person has quiet hours"
        assert re.search(held, demo.stdout, re.M)
        assert "from commit to row in the median" in demo.stdout
        assert re.search(r"subject +Leo Marchetti has joined Harrow & Pine", demo.stdout)
        assert re.search(r"^ +Hi \S+,\n +Leo Marchetti accepted the invite", demo.stdout, re.M)
    assert "One of 7 mails that were sent" in first.stdout
    # The mails of the last demo stay, and what the screen says of one is true.
    found = re.search(r"HTML +(\S+/mail\.html)", second.stdout)
    assert found is not None
    assert "Leo Marchetti accepted the invite" in Path(found[1]).read_text("utf-8")
    assert list(folder.iterdir()) == [Path(found[1]).parents[1]], "the demo left something behind"
    left = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in argument for argument in process.info["cmdline"] or ())
    ]
    assert left == []


def test_a_demo_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    demo = run_demo(tmp_path)
    assert demo.returncode == 1
    assert str(tmp_path / "demo") in demo.stderr
    assert "Traceback" not in demo.stderr


def test_the_demo_shows_a_type_that_was_just_added(
    first: subprocess.CompletedProcess[str], second: subprocess.CompletedProcess[str]
) -> None:
    title = "Ceiling was painted - Harbor Point Residences"
    assert title not in first.stdout
    assert second.stdout.count(title) > 1


def test_the_demo_keeps_to_itself_where_another_stack_is_in_use(
    second: subprocess.CompletedProcess[str],
) -> None:
    assert second.returncode == 0, second.stdout + second.stderr
