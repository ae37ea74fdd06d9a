import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pipeline import __version__

ROOT: Final = Path(__file__).resolve().parents[1]
RUN: Final = ("run", "--subscription", "projects/p/subscriptions/s")
SECONDS: Final = 30
UNREACHABLE: Final = "postgresql://nobody:kanarienvogel@127.0.0.1:1/x"
HEAVY: Final = (
    *("apache_beam", "google.cloud.pubsub_v1", "grpc", "psycopg_pool"),
    # Only a graph, a provider or a screen of mail needs these.
    *("css_inline", "cryptography", "httpx2", "idna", "jinja2", "opentelemetry", "smtplib"),
)

# Runs a command in a new interpreter; prints at its end which heavy modules it loaded.
LOADED: Final = f"""
import sys
from pipeline.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python at the root of the repository, without our environment variables."""
    ours = ("DATABASE_URL", "LOG_LEVEL", "PUBSUB_EMULATOR_HOST")
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "pipeline", *arguments, **environment)


@pytest.mark.parametrize(
    ("arguments", "mentioned"),
    [
        ([], ["migrate", "seed", "run", "DATABASE_URL", "PUBSUB_EMULATOR_HOST", "LOG_LEVEL"]),
        (["run"], ["examples:", "python -m pipeline run --subscription projects/", "--dry-run"]),
        (["migrate"], ["examples:", "python -m pipeline migrate --reference-schema"]),
        (["seed"], ["examples:", "python -m pipeline seed --clear"]),
    ],
    ids=["pipeline", "run", "migrate", "seed"],
)
def test_help_is_complete_and_waits_for_nothing_heavy(
    arguments: list[str], mentioned: list[str]
) -> None:
    done = python("-c", LOADED, *arguments, "--help")
    assert done.returncode == 0
    assert [words for words in mentioned if words not in done.stdout] == []
    assert done.stderr == "loaded:\n"


def test_control_a_command_that_runs_does_load_what_it_needs() -> None:
    done = python("-c", LOADED, "catch-up", DATABASE_URL=UNREACHABLE)
    assert done.stderr.splitlines()[-1].startswith("loaded: apache_beam ")


def test_the_module_shows_its_help() -> None:
    done = command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m pipeline ")


def test_the_version_is_the_packages() -> None:
    assert command("--version").stdout == f"fanout {__version__}\n"


@pytest.mark.parametrize("arguments", [("migrate",), ("seed",), RUN], ids=lambda given: given[0])
def test_without_a_database_the_line_says_what_to_set(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"pipeline {arguments[0]}: DATABASE_URL is not set:"
        " export DATABASE_URL=postgresql://user@host/database,"
        " or, while make up runs: . .local/env\n"
    )


def test_a_database_url_that_is_none_is_named_without_being_quoted() -> None:
    done = command(*RUN, DATABASE_URL="kanarienvogel")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "pipeline run: invalid DATABASE_URL: expected postgresql://user@host/database\n"
    )


@pytest.mark.parametrize("arguments", [("migrate",), ("seed",)], ids=lambda given: given[0])
def test_a_database_that_is_not_there_is_one_line(arguments: tuple[str, ...]) -> None:
    done = command(*arguments, DATABASE_URL=UNREACHABLE)
    assert done.returncode == 1
    assert done.stderr.startswith(f"pipeline {arguments[0]}: ")
    assert done.stderr.count("\n") == 1
    assert "kanarienvogel" not in done.stderr


@pytest.mark.parametrize("level", ["LOUD", "10", "DEBUG "])
def test_a_log_level_that_is_none_is_one_line_with_those_that_are(level: str) -> None:
    done = command("migrate", LOG_LEVEL=level)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"pipeline migrate: invalid LOG_LEVEL {level!r}: expected ")
    assert all(known in done.stderr for known in ("DEBUG", "INFO", "WARNING", "ERROR"))
    assert done.stderr.count("\n") == 1


def test_a_runner_that_is_none_is_one_line_with_those_that_are() -> None:
    done = command(*RUN, "--runner", "SparkRunner", DATABASE_URL=UNREACHABLE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        "python -m pipeline run: error: argument --runner: invalid runner 'SparkRunner':"
        " expected DirectRunner or DataflowRunner"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("catch-up", "--since", "1h", "--until", "2h"),
        ("catch-up", "--every", "0s"),
        ("status", "--watch", "0s"),
        ("replay", "--missing", "--apply"),
        ("replay",),
    ],
    ids=" ".join,
)
def test_arguments_that_do_not_fit_together_end_as_wrong_ones_do(
    arguments: tuple[str, ...],
) -> None:
    done = command(*arguments, DATABASE_URL=UNREACHABLE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(("pipeline ", "python -m pipeline "))


@pytest.mark.parametrize("hours", ["inf", "nan"])
def test_an_age_limit_that_is_no_duration_is_refused_without_a_traceback(hours: str) -> None:
    done = command(*RUN, "--max-event-age-hours", hours, DATABASE_URL=UNREACHABLE)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert "--max-event-age-hours" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "mentioned"),
    [([], ["migrate", "status", "DATABASE_URL"]), (["dead-letters"], ["list", "examples:"])],
    ids=["pipeline", "dead-letters"],
)
def test_a_command_that_is_a_group_by_itself_shows_its_help(
    arguments: list[str], mentioned: list[str]
) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: python -m pipeline")
    assert [words for words in mentioned if words not in done.stderr] == []


@pytest.mark.parametrize("arguments", [["unheard-of"], ["run"]], ids=["unknown", "run"])
def test_an_incomplete_command_is_answered_with_its_usage(arguments: list[str]) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: python -m pipeline")
