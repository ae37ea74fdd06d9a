"""One hour of the stream at a steady rate; ``python -m bench.endurance`` writes docs/endurance.md.

Rows go into ``domain_events`` and through all parts, Debezium included. The memory of the
pipeline's process is sampled every ten seconds. The exit status is 1 if the memory exceeds its
budget or keeps growing, or if an event is lost or notified twice.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from bench import machine
from bench.charts import CleanStyle, pygal
from bench.installation import ROOT, Installation, installation

REPORT: Final = ROOT / "docs" / "endurance.md"
RATE: Final = 300
INSERTS_A_SECOND: Final = 10
SAMPLE_SECONDS: Final = 10
BUDGET_MB: Final = 400
# Flat: the growth of the second half, per hour, is below a hundredth of the budget.
CLIMB_MB_PER_HOUR: Final = 4.0
DRAIN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Endured:
    """The result: megabytes of resident memory, one sample every ``SAMPLE_SECONDS``."""

    samples: Sequence[float]
    events: int
    seconds: float

    @property
    def climb(self) -> float:
        """Megabytes an hour over the second half, between the medians of its two quarters."""
        half = self.samples[len(self.samples) // 2 :]
        middle = len(half) // 2
        gained = machine.median(list(half[middle:])) - machine.median(list(half[:middle]))
        return gained / (self.seconds / 4) * 3600

    @property
    def passed(self) -> bool:
        """Return whether the memory stayed within the budget and flat."""
        return max(self.samples) <= BUDGET_MB and self.climb <= CLIMB_MB_PER_HOUR


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stream; return 1 if a memory limit is not met."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.endurance", description="The stream at a steady rate, and its memory."
    )
    parser.add_argument("--minutes", type=float, default=60, help="default: %(default)s")
    minutes = parser.parse_args(arguments).minutes
    with (
        tempfile.TemporaryDirectory(prefix="fanout-endurance-") as folder,
        installation(Path(folder) / "stack") as bench,
    ):
        endured = _endure(bench, minutes * 60)
        bench.world.check(endured.events)
    write_endurance_report(REPORT, endured)
    return 0 if endured.passed else 1


def _endure(bench: Installation, seconds: float) -> Endured:
    with bench.stream() as worker:
        process = psutil.Process(worker.pid)
        samples: list[float] = []
        inserted = 0
        started = time.monotonic()
        while (now := time.monotonic() - started) < seconds:
            if now >= len(samples) * SAMPLE_SECONDS:
                samples.append(process.memory_info().rss / 2**20)
                done = bench.world.done(0)
                _say(f"{now:5.0f} s  {inserted:9,} in  {done:9,} done  {samples[-1]:.0f} MB")
            bench.world.insert_events(RATE // INSERTS_A_SECOND)
            inserted += RATE // INSERTS_A_SECOND
            due = started + inserted / RATE
            time.sleep(max(0.0, due - time.monotonic()))
        deadline = time.monotonic() + DRAIN_SECONDS
        while bench.world.done(0) < inserted and time.monotonic() < deadline:
            time.sleep(0.1)
        worker.check()
        return Endured(samples, inserted, seconds)


def write_endurance_report(path: Path, endured: Endured) -> None:
    """Write the report of endurance and its chart."""
    first, last, most = endured.samples[0], endured.samples[-1], max(endured.samples)
    verdict = "Met" if endured.passed else "**Not met**"
    written = f"{datetime.now(UTC):%Y-%m-%d}: {machine.describe()}"
    minutes, events = f"{endured.seconds / 60:.0f}", f"{endured.events:,}"
    budget = f"at most {BUDGET_MB} MB, and a climb of at most {CLIMB_MB_PER_HOUR:.0f} MB an hour"
    path.write_text(f"""# Endurance

Written by `make endurance` on {written}.

For {minutes} minutes, {RATE} rows a second were inserted into `domain_events`: {events} in all.
Each row went through Debezium, Pub/Sub and the pipeline. At the end, the database held exactly
the expected results.

| the streaming process | MB |
|---|---|
| at the start | {first:.0f} |
| at most | {most:.0f} |
| at the end | {last:.0f} |
| climb over the second half, an hour | {endured.climb:.1f} |

Budget: {budget}. {verdict}.

![Resident memory](endurance.svg)
""")
    chart = pygal.Line(
        style=CleanStyle, height=280, width=800, show_dots=False, range=(0, most * 1.2)
    )
    chart.title = f"Resident memory in MB, {RATE} events a second"
    step = max(1, len(endured.samples) // 120)
    chart.show_legend = False
    chart.add("pipeline", [round(sample, 1) for sample in endured.samples[::step]])
    chart.render_to_file(str(path.with_suffix(".svg")))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress


if __name__ == "__main__":
    sys.exit(main())
