"""The import contracts catch violations: each is broken on purpose, in a copy."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
LINTER: Final = Path(sys.executable).with_name("lint-imports")
# For each violation: the file to change, the import to add, and the contract that must fail.
PLANTED: Final = {
    "a circle in a room": (
        "domain/errors.py",
        "from pipeline.domain import dead_letter",
        "No circle, in any room",
    ),
    "a circle between rooms": (
        "clients/postgres/sql.py",
        "from pipeline.facts import load_facts",
        "No circle, in any room",
    ),
    "an arrow upwards": (
        "clients/postgres/sql.py",
        "from pipeline.facts import load_facts",
        "Layers point inwards",
    ),
    "an import that is hidden in a function": (
        "domain/units.py",
        "def late() -> None:\n    from pipeline.ops import migrate",
        "Layers point inwards",
    ),
    "a room that has no place": ("attic/__init__.py", "", "Layers point inwards"),
    "the clock of the machine in a handler": (
        "fanout/handlers/links.py",
        "import time",
        "The words of all families and each family are pure",
    ),
    "a handler that knows another": (
        "fanout/handlers/meeting_invited.py",
        "from pipeline.fanout.handlers import meeting_updated",
        "Handlers do not know each other",
    ),
    "a reaction that knows another": (
        "reactions/handlers/user_verified.py",
        "from pipeline.reactions.handlers import intro_inquiry",
        "Reactions do not know each other",
    ),
    "a database in what follows from an event": (
        "reactions/effects.py",
        "import psycopg",
        "The words of all families and each family are pure",
    ),
    "a family that knows another": (
        "mail/digest.py",
        "from pipeline.fanout import effects",
        "Layers point inwards",
    ),
    "a database in what a mail says": (
        "mail/render.py",
        "import psycopg",
        "The words of all families and each family are pure",
    ),
    "a push that knows mail": (
        "push/budget.py",
        "from pipeline.mail import digest",
        "Layers point inwards",
    ),
    "the time of the machine in quiet hours": (
        "push/hours.py",
        "import time",
        "The words of all families and each family are pure",
    ),
    "words that know others": (
        "mail/words/invite_accepted.py",
        "from pipeline.mail.words import thread_unread_stale",
        "The words of mails do not know each other",
    ),
    "Beam in what answers": (
        "ops/migrate.py",
        "import apache_beam",
        "What reads, decides, writes and answers knows no Beam",
    ),
    "Beam in what writes": (
        "sinks/outcomes.py",
        "import apache_beam",
        "What reads, decides, writes and answers knows no Beam",
    ),
    "the OpenTelemetry SDK in a step": (
        "steps/decode.py",
        "from opentelemetry.sdk.trace import TracerProvider",
        "Only one module loads the OpenTelemetry SDK",
    ),
    "a screen in what answers": (
        "ops/migrate.py",
        "from pipeline.screens import why",
        "Operations return data: they draw nothing",
    ),
    "the end of the pools in what answers": (
        "ops/migrate.py",
        "from pipeline.clients.postgres.pool import close_pools",
        "Operations end nothing that belongs to the process",
    ),
    "the embedded stack on a worker": (
        "runtime/stream.py",
        "from local import errors",
        "What workers install knows neither the embedded stack nor the tools",
    ),
    "drawing outside of screens": ("runtime/stream.py", "import rich", "Only screens draw"),
    "the service on a worker": (
        "runtime/stream.py",
        "from service import settings",
        "Only the command loads the service",
    ),
    "a screen in the service": (
        "../service/app.py",
        "from pipeline.screens import why",
        "The service asks operations and draws no screen",
    ),
    "a table in the service": (
        "../service/app.py",
        "from pipeline.sinks import outcomes",
        "The service reads events through operations",
    ),
    "an arrow upwards in the service": (
        "../service/errors.py",
        "from service import server",
        "Layers of the service",
    ),
    "a room of the service that has no place": (
        "../service/attic/__init__.py",
        "",
        "Layers of the service",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and their contracts, for temporary changes."""
    folder = tmp_path_factory.mktemp("contracts")
    for package in ("pipeline", "service", "local", "tools"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken(copy: Path) -> set[str]:
    """Return the names of the contracts that the copy breaks."""
    environment = os.environ | {"PYTHONPATH": str(copy), "COLUMNS": "200"}
    checked = subprocess.run(
        [LINTER, "--no-logo"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = checked.stdout.splitlines()
    found = {line.partition(" BROKEN")[0] for line in lines if " BROKEN" in line}
    assert checked.returncode == bool(found), checked.stdout + checked.stderr
    assert any(" KEPT" in line for line in lines), checked.stdout + checked.stderr
    return found


@contextmanager
def planted(copy: Path, file: str, code: str) -> Iterator[None]:
    """Add code to a file of the package until the block ends."""
    path = copy / "pipeline" / file
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before or ''}\n{code}\n")
    try:
        yield
    finally:
        if before is None:
            shutil.rmtree(path.parent)
        else:
            path.write_text(before)


def test_each_contract_is_broken_on_purpose() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {name for *_, name in PLANTED.values()} == {
        each["name"] for each in contracts["contracts"]
    }


def test_control_what_is_checked_in_breaks_no_contract(copy: Path) -> None:
    assert broken(copy) == set()


@pytest.mark.parametrize(("file", "code", "contract"), PLANTED.values(), ids=list(PLANTED))
def test_what_breaks_a_contract_is_caught(copy: Path, file: str, code: str, contract: str) -> None:
    with planted(copy, file, code):
        assert contract in broken(copy)
