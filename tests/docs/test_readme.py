"""What the README shows of an event that is inserted by hand."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.postgres.home import PROGRAMS
from tests.databases import Database
from tests.docs.markdown import commands, missing

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")
INSERT, WHY = (
    next(each for each in commands(README) if words in each.text)
    for words in ("INSERT INTO", " why --event")
)


def test_the_event_of_the_readme_arrives_as_it_shows(database: Database) -> None:
    def run(command: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=ROOT,
            env=os.environ
            | {
                "PATH": f"{path}{os.pathsep}{PROGRAMS}",
                "DATABASE_URL": database.dsn,
                "COLUMNS": "80",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("python -m pipeline seed")
    assert run(INSERT.text).split() == list(INSERT.shown) == WHY.text.split()[-1:]
    run("python -m pipeline catch-up")

    printed = run(WHY.text)

    assert missing(WHY.shown, printed) is None, printed


def test_a_line_that_was_not_printed_would_be_noticed() -> None:
    shown = ["when  2026-03-02 12:00:00 UTC, 2.0 s ago", "", "...", "Amara Diallo"]
    printed = "when 2026-11-26 01:00:00 UTC, 31 ms ago\n\nLeo\nAmara Diallo\n"
    assert missing(shown, printed) is None
    assert missing(shown[::-1], printed) == shown[0]
    assert missing([*shown, "Jonas Weber"], printed) == "Jonas Weber"
