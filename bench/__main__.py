"""Run the benchmark and write ``docs/performance.md``: ``python -m bench``, about five minutes."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench import machine
from bench.installation import ROOT, installation
from bench.measure import (
    measure_catch_up,
    measure_end_to_end,
    measure_polling,
    measure_stream,
)
from bench.report import Figures, write_report

REPORT: Final = ROOT / "docs" / "performance.md"


def main() -> int:
    """Measure, compare with the budgets, write the report; return 1 if a budget is not met."""
    started = time.monotonic()
    noise_before = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        installation(Path(folder) / "stack") as bench,
    ):
        _say("commit to row, all parts ...")
        end_to_end = measure_end_to_end(bench)
        if bench.stack.debezium is not None:
            bench.stack.debezium.stop()
        _say("the stream ...")
        stream, steady = measure_stream(bench)
        _say("catch-up, and the same rows written raw ...")
        catch_up, raw = measure_catch_up(bench)
        _say("one event at a time ...")
        polling = measure_polling(bench)
    figures = Figures(
        catch_up=catch_up,
        raw=raw,
        polling=polling,
        stream=stream,
        steady=steady,
        end_to_end=end_to_end,
        noise=machine.Noise(noise_before, machine.spread()),
        seconds=time.monotonic() - started,
    )
    met = write_report(REPORT, figures)
    _say(REPORT.read_text())
    return 0 if met else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
