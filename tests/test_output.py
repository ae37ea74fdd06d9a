"""What comes in that is no text, and what goes out that nobody reads."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.databases import Database

ROOT: Final = Path(__file__).resolve().parents[1]
NO_TEXT: Final = b"\xff"


def start(*arguments: bytes | str, dsn: bytes | str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": os.fsdecode(dsn)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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
        "pipeline status: DATABASE_URL is not UTF-8: write other bytes as %FC and the like\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [["dead-letters", "stats", "--json"], ["replay", "--missing"], ["doctor", "--json"]],
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
