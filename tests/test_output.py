"""Input that is not text, and output that nothing reads."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

import pytest

from pipeline.clients.postgres.pool import close_pools
from tests.databases import Database, Databases
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, populate
from tests.programs import Program
from tests.streams import SUBSCRIPTION, broker

ROOT: Final = Path(__file__).resolve().parents[1]
NO_TEXT: Final = b"\xff"


# These variables would change Python's buffering or encoding in every test.
INHERITED: Final = {
    name: value
    for name, value in os.environ.items()
    if name
    not in {"COLUMNS", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8", "GRPC_VERBOSITY"}
}


def start(
    *arguments: bytes | str,
    dsn: bytes | str,
    stdout: int | IO[bytes] = subprocess.PIPE,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=ROOT,
        env=INHERITED | {"DATABASE_URL": os.fsdecode(dsn), **variables},
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def shown(database: Database, *arguments: str, **variables: str) -> str:
    """Return a command's output on a standard output that is not a terminal."""
    environment = INHERITED | {"DATABASE_URL": database.operator_dsn, **variables}
    with Program("pipeline", *arguments, environment=environment) as process:
        done = process.completed(timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def shown_in_ascii(dsn: str, *arguments: str) -> str:
    """Return a command's output if only ASCII can be written; needs a real start.

    The tests only read, so that one start of each command is enough for all of them.
    """
    process = start(*arguments, dsn=dsn, variables={"PYTHONIOENCODING": "ascii"})
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (int(arguments[0] == "doctor"), "")
    return output


CAUSE: Final = "payload: fileName: a string is needed, and more of it " * 6


@pytest.fixture(scope="module")
def stage(databases: Databases) -> Iterator[Stage]:
    """Events with a non-ASCII name, and a dead letter with a long cause; all tests only read."""
    names: list[object] = ["Übersicht → 🦊.pdf", []]
    with databases.migrated() as database:
        stage = Stage(database)
        with database.connect() as connection:
            populate(connection)
        uploads = [
            stage.emit(
                "document_uploaded", {"fileName": name}, actor_id=U1, project_id=P1, resource_id=R1
            )
            for name in names
        ]
        stage.deliver(*uploads)
        close_pools()
        stage.execute("UPDATE event_dead_letters SET message = %s", CAUSE.strip())
        yield stage


SCREENS: Final = (
    ("status",),
    ("why", "--event", "1"),
    ("dead-letters", "list"),
    ("dead-letters", "show", "--event", "2"),
    ("dead-letters", "stats"),
    ("replay", "--dead-letters"),
)


@pytest.mark.parametrize("arguments", SCREENS, ids=" ".join)
def test_what_is_no_terminal_gets_whole_lines_without_blanks_at_their_ends(
    stage: Stage, arguments: tuple[str, ...]
) -> None:
    lines = shown(stage.database, *arguments).splitlines()
    assert lines
    assert [line for line in lines if line != line.rstrip()] == []
    assert not any("…" in line for line in lines)
    if arguments in {
        ("status",),
        ("dead-letters", "list"),
        ("dead-letters", "show", "--event", "2"),
    }:
        assert any(line.endswith(CAUSE.strip()) for line in lines)


@pytest.mark.parametrize("arguments", SCREENS, ids=" ".join)
def test_columns_are_respected_where_they_are_set(stage: Stage, arguments: tuple[str, ...]) -> None:
    for columns in (70, 200):
        lines = shown(stage.database, *arguments, COLUMNS=str(columns)).splitlines()
        *lines, last = lines
        if not last.startswith("{"):
            lines.append(last)
        assert max(map(len, lines)) <= columns
        assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("arguments", [*SCREENS, ("doctor",)], ids=" ".join)
def test_a_terminal_that_knows_ascii_alone_is_shown_what_it_can_show(
    stage: Stage, arguments: tuple[str, ...]
) -> None:
    assert shown_in_ascii(stage.database.operator_dsn, *arguments).isascii()


def test_our_own_signs_have_plain_ones_and_other_characters_are_escaped(stage: Stage) -> None:
    plain = re.search(
        r"^ *([.1-8]{60})$", shown_in_ascii(stage.database.operator_dsn, "status"), re.MULTILINE
    )
    whole = re.search(r"^ *([·▁▂▃▄▅▆▇█]{60})$", shown(stage.database, "status"), re.MULTILINE)
    assert plain is not None
    assert whole is not None
    # Each bar is a minute, so they stand further to the left in what is shown a minute later.
    signs = str.maketrans("·▁▂▃▄▅▆▇█", ".12345678")
    assert plain[1].strip(".") == whole[1].translate(signs).strip(".") == "8"
    letter = shown_in_ascii(stage.database.operator_dsn, "dead-letters", "show", "--event", "2")
    assert "the payload in the event's row" in letter


@pytest.mark.parametrize(
    "arguments",
    [("why", "--event", "1"), ("dead-letters", "show", "--event", "2"), ("status",), ("doctor",)],
    ids=" ".join,
)
def test_json_is_the_same_in_every_encoding(stage: Stage, arguments: tuple[str, ...]) -> None:
    asked = (*arguments, "--json")
    environment = INHERITED | {"DATABASE_URL": stage.database.operator_dsn}
    with Program("pipeline", *asked, environment=environment) as process:
        done = process.completed(timeout=60)
    assert done.stderr == ""
    whole: dict[str, Any] = json.loads(done.stdout)
    plain: dict[str, Any] = json.loads(shown_in_ascii(stage.database.operator_dsn, *asked))
    if arguments[0] in {"why", "dead-letters"}:
        assert ages_aside(plain) == ages_aside(whole)
    assert plain.keys() == whole.keys()


def ages_aside(account: dict[str, Any]) -> dict[str, Any]:
    """Remove the values that change with the time."""
    return {name: value for name, value in account.items() if "age" not in name}


def test_the_status_says_in_which_zone_its_time_is(stage: Stage) -> None:
    title = shown(stage.database, "status", PGTZ="Asia/Kathmandu").splitlines()[0]
    told = datetime.strptime(title.partition(" at ")[2], "%Y-%m-%d %H:%M:%S UTC").replace(
        tzinfo=UTC
    )
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=5)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("status",), ("why", "--event", "1", "--json"), ("dead-letters", "list")],
    ids=" ".join,
)
def test_a_full_disk_is_one_line(stage: Stage, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(*arguments, dsn=stage.database.operator_dsn, stdout=full)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (
        1,
        "pipeline: standard output: No space left on device\n",
    )


def test_a_standard_output_that_is_closed_is_no_trace(stage: Stage) -> None:
    command = f"exec {sys.executable} -m pipeline status >&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=INHERITED | {"DATABASE_URL": stage.database.operator_dsn},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["catch-up", "--event-type", NO_TEXT],
        ["replay", "--type", NO_TEXT],
        ["replay", "--missing", "--note", NO_TEXT],
    ],
    ids=["catch-up", "replay", "note"],
)
def test_an_argument_that_is_no_text_is_refused_without_a_traceback(
    database: Database, arguments: list[bytes | str]
) -> None:
    process = start(*arguments, dsn=database.operator_dsn)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (2, "")
    assert errors.splitlines()[-1] == "python -m pipeline: error: an argument is not UTF-8"


def test_an_address_that_is_no_text_is_one_line_that_does_not_quote_it() -> None:
    process = start("status", dsn=b"postgresql://x:kanarienvogel\xff@127.0.0.1/x")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert errors == (
        "pipeline status: DATABASE_URL is not UTF-8: write other bytes as %FC and so on\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["status"],
        ["dead-letters", "stats", "--json"],
        ["replay", "--missing"],
        ["doctor", "--json"],
    ],
    ids=" ".join,
)
def test_who_does_not_read_the_output_is_not_shown_a_traceback(
    database: Database, arguments: list[str]
) -> None:
    process = start(*arguments, dsn=database.operator_dsn)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(30) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def raw_lines(stage: Stage, variables: Mapping[str, str]) -> list[str]:
    """Return the lines on standard error without our log format, while Pub/Sub stops."""
    with broker() as events:
        arguments = ("--subscription", SUBSCRIPTION)
        address = {"PUBSUB_EMULATOR_HOST": events.emulator.address}
        process = start(
            "run", *arguments, dsn=stage.database.dsn, variables={**variables, **address}
        )
        assert process.stderr is not None
        lines = lines_until("reading", process.stderr)
        events.emulator.stop()
        lines += lines_until("cannot be reached", process.stderr)
        process.terminate()
        _, rest = process.communicate(timeout=30)
    return [
        line
        for line in [*lines, *rest.splitlines()]
        if line.strip() and not re.match(r"\d\d:\d\d:\d\d [A-Z]+ ", line)
    ]


def lines_until(words: str, stream: IO[str]) -> list[str]:
    """Return the lines up to the one with these words; fail if there is none."""
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        lines.append(stream.readline())
        assert lines[-1], lines
    return lines


def test_nothing_is_written_past_our_log_when_pubsub_goes_away(stage: Stage) -> None:
    assert raw_lines(stage, {}) == []


def test_control_what_grpc_would_write_would_be_noticed(stage: Stage) -> None:
    loud = {"GRPC_VERBOSITY": "INFO", "GLOG_minloglevel": "0"}
    assert any(".cc:" in line for line in raw_lines(stage, loud))
