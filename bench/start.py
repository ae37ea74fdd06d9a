"""Compares a start with importing Beam: catches up five events: ``python -m bench.start``.

Both are whole processes. They run in turn, so a busy machine slows down both. The budget is a
ratio of medians: 1.4.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from bench import machine
from bench.installation import ROOT
from local.postgres import Postgres
from pipeline.ops.migrate import migrate
from pipeline.ops.seed import seed_events, seed_people

PAIRS: Final = 7
EVENTS: Final = 5
BUDGET: Final = 1.4
_IMPORT: Final = ("-c", "import apache_beam")
_CATCH_UP: Final = ("-m", "pipeline", "catch-up")


@dataclass(slots=True)
class Runs:
    """The runs of one program: wall seconds, and CPU seconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self, arguments: Sequence[str], dsn: str) -> str:
        """Run the program once more; return its output."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own programs
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": dsn},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        self.wall.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return done.stdout


def main(pairs: int = PAIRS) -> int:
    """Measure, print and compare with the budget; return 1 if it is not met."""
    imports, catch_ups = Runs(), Runs()
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder:
        cluster = Postgres(Path(folder) / "postgres")
        with cluster:
            dsn = cluster.dsn()
            migrate(dsn, reference_schema=True)
            seed_people(dsn)
            for _ in range(pairs):
                imports.run(_IMPORT, dsn)
                list(islice(seed_events(dsn), EVENTS))
                printed = catch_ups.run(_CATCH_UP, dsn)
                if f'"events": {EVENTS},' not in printed:
                    raise RuntimeError(f"expected {EVENTS} events: {printed}")
        cluster.remove()
    wall = machine.median(catch_ups.wall) / machine.median(imports.wall)
    cpu = machine.median(catch_ups.cpu) / machine.median(imports.cpu)
    _say(f"{machine.describe()}; {pairs} pairs, medians")
    _say(f"import apache_beam   {_seconds(imports)}")
    _say(f"catch-up of {EVENTS}        {_seconds(catch_ups)}")
    _say(f"ratio                {wall:.2f} wall, {cpu:.2f} CPU; budget {BUDGET}")
    return 0 if wall <= BUDGET else 1


def _seconds(runs: Runs) -> str:
    each = ", ".join(f"{seconds:.2f}" for seconds in runs.wall)
    cpu = machine.median(runs.cpu)
    return f"{machine.median(runs.wall):.2f} s ({each}), {cpu:.2f} s of CPU"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the result


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
