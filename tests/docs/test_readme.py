"""What the README shows of an event that is inserted by hand."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.postgres.home import PROGRAMS
from service.identity.caller import Scope
from tests.databases import Database
from tests.docs.markdown import commands, missing
from tests.service.asking import token
from tests.service.serving import serving

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")
GUIDE: Final = (ROOT / "docs/service.md").read_text("utf-8")
INSERT, WHY, CURL = (
    next(each for each in commands(README) if words in each.text)
    for words in ("INSERT INTO", " why --event", "curl")
)
CURL_OF_GUIDE: Final = next(each for each in commands(GUIDE) if "curl" in each.text)


def test_the_event_of_the_readme_arrives_as_it_shows(database: Database, tmp_path: Path) -> None:
    served: dict[str, str] = {}

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
                **served,
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

    # "make up" starts the service, and has written these to .local/env.
    served["FANOUT_TOKEN"] = token(database, "readme", Scope.READ)
    with serving(database.operator_dsn, tmp_path / "log") as service:
        served["SERVICE_URL"] = str(service.client.base_url).rstrip("/")
        printed = run(CURL.text)
        assert CURL.text == CURL_OF_GUIDE.text
        for shown in (CURL.shown, CURL_OF_GUIDE.shown):
            known = [re.sub("completed .* after", "completed", line) for line in shown]
            line = missing(known, re.sub("completed .* after", "completed", printed))
            assert line is None, printed


def test_a_line_that_was_not_printed_would_be_noticed() -> None:
    shown = ["when  2026-03-02 12:00:00 UTC, 2.0 s ago", "", "...", "Amara Diallo"]
    printed = "when 2026-11-26 01:00:00 UTC, 31 ms ago\n\nLeo\nAmara Diallo\n"
    assert missing(shown, printed) is None
    assert missing(shown, printed.replace("31 ms", "2 min")) is None
    assert missing(shown[::-1], printed) == shown[0]
    assert missing([*shown, "Jonas Weber"], printed) == "Jonas Weber"
