"""What the guide to the HTTP service shows, run as written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.postgres.home import PROGRAMS
from service.identity.caller import Scope
from tests.databases import Database
from tests.docs.markdown import commands
from tests.service.asking import token
from tests.service.serving import serving

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs/service.md").read_text("utf-8")
ASK, CREATE, LIST, REVOKE, AUDIT = (
    next(each for each in commands(GUIDE) if words in each.text)
    for words in ("/v1/me", "tokens create", "tokens list", "tokens revoke", "fanout.audit")
)


def shape(text: str) -> str:
    """Return the text without its times and random parts, and with one blank between words."""
    dates = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    changed = re.sub(rf"{dates}|(?<=fanout_)\S+|(?<=local-)\w+|by \w+", "_", text)
    return " ".join(changed.split())


def test_the_commands_of_the_guide_print_what_it_shows(database: Database, tmp_path: Path) -> None:
    asks = token(database, "local-5b1f0f0e", *Scope)
    with serving(database.operator_dsn, tmp_path / "log") as served:

        def run(command: str) -> str:
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=ROOT,
                env=os.environ
                | {
                    "PATH": f"{path}{os.pathsep}{PROGRAMS}",
                    "DATABASE_URL": database.operator_dsn,
                    "OPERATOR_DATABASE_URL": database.operator_dsn,
                    "SERVICE_URL": str(served.client.base_url).rstrip("/"),
                    "FANOUT_TOKEN": asks,
                    "COLUMNS": "80",
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        for command in (CREATE, REVOKE):
            assert shape(run(command.text)) == shape("\n".join(command.shown))
            if command is CREATE:
                assert shape("\n".join(LIST.shown)) in shape(run(LIST.text))
        assert json.loads(run(ASK.text)) == json.loads(ASK.shown[0])
        assert "tokens revoke | grafana" in shape(run(AUDIT.text))
