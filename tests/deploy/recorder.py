"""Stubs for the cloud's programs: each records its calls and does nothing else."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("gcloud", "docker")
# It answers as the file says.
RECORDER: Final = """#!{python}
import json, pathlib, sys
home = pathlib.Path({home!r})
called = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
with (home / "calls").open("a") as calls:
    print(json.dumps([called, sys.stdin.read()]), file=calls)
for beginning, said, status in json.loads((home / "answers").read_text()):
    if " ".join(called).startswith(beginning):
        print(said)
        sys.exit(status)
"""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Programs at the front of PATH that record their calls."""

    home: Path

    def answer(self, *answers: tuple[str, str, int]) -> None:
        """Set the output and the exit status for calls with a given beginning."""
        (self.home / "answers").write_text(json.dumps(answers), "utf-8")

    @property
    def calls(self) -> list[list[str]]:
        return [called for called, _ in self._written()]

    @property
    def received(self) -> list[str]:
        return [received for _, received in self._written()]

    def _written(self) -> list[tuple[list[str], str]]:
        file = self.home / "calls"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]


def recorded_programs(home: Path, programs: Sequence[str] = PROGRAMS) -> Recorder:
    """Create the programs in a new folder."""
    home.mkdir()
    for name in programs:
        program = home / name
        program.write_text(RECORDER.format(python=sys.executable, home=str(home)), "utf-8")
        program.chmod(0o755)
    recorder = Recorder(home)
    recorder.answer()
    return recorder
