"""Compares two checkouts in one run: ``python -m bench.compare OTHER``.

The machine's speed changes from minute to minute, so the two take turns: each pair of runs gives a
ratio, and every second pair begins with the other checkout. Both use the database of this checkout,
whose migrations only add to those of an earlier commit. The CPU that an event costs our process
says more than the rate where something else keeps the machine busy.
"""

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bench.installation import ROOT, Installation, installation
from bench.machine import median
from bench.measure import CATCH_UP_EVENTS, STREAM_EVENTS, burst, warm_up

PAIRS: Final = 7


@dataclass(frozen=True, slots=True)
class Run:
    """One checkout's events a second, and our process's CPU an event in microseconds."""

    rate: float
    cpu: float


@dataclass(slots=True)
class Pairs:
    """The runs of both checkouts, pair by pair."""

    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)

    def __str__(self) -> str:
        rates = [(mine.rate, other.rate) for mine, other in self._pairs]
        cpus = [(mine.cpu, other.cpu) for mine, other in self._pairs]
        return f"events/s {_told(rates)}; CPU in us an event {_told(cpus)}"

    @property
    def _pairs(self) -> list[tuple[Run, Run]]:
        return list(zip(self.ours, self.theirs, strict=True))


def _told(pairs: Sequence[tuple[float, float]]) -> str:
    ratios = [mine / other for mine, other in pairs]
    here, there = (median(list(each)) for each in zip(*pairs, strict=True))
    return (
        f"{here:,.0f} here, {there:,.0f} there, ratio {median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("other", type=_checkout, metavar="OTHER", help="the other checkout")
    parser.add_argument(
        "--pairs",
        type=int,
        default=PAIRS,
        metavar="N",
        help="pairs of runs (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        installation(Path(folder) / "stack") as bench,
    ):
        if bench.stack.debezium is not None:
            bench.stack.debezium.stop()
        for name, measure in (("catch-up", _catch_up), ("stream", _stream)):
            print(f"{name}: {_take_turns(bench, options, measure)}", flush=True)  # noqa: T201
    return 0


def _checkout(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "pipeline" / "__main__.py").exists():
        raise argparse.ArgumentTypeError(
            f"invalid checkout {text!r}: expected a folder that holds pipeline/__main__.py"
        )
    return folder


def _take_turns(
    bench: Installation,
    options: argparse.Namespace,
    measure: Callable[[Installation, Path], Run],
) -> Pairs:
    pairs = Pairs()
    for number in range(options.pairs):
        turns = [(ROOT, pairs.ours), (options.other, pairs.theirs)]
        for checkout, runs in turns if number % 2 == 0 else reversed(turns):
            runs.append(measure(bench, checkout))
    return pairs


def _catch_up(bench: Installation, checkout: Path) -> Run:
    """Run a whole process; its start counts for the CPU, but not for the rate."""
    bench.world.insert_events(CATCH_UP_EVENTS)
    before = _children_cpu()
    seconds = bench.catch_up(checkout)["seconds"]
    cpu = _children_cpu() - before
    bench.world.check(CATCH_UP_EVENTS)
    bench.world.forget()
    return Run(CATCH_UP_EVENTS / seconds, cpu / CATCH_UP_EVENTS * 1e6)


def _children_cpu() -> float:
    """Seconds of CPU of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stream(bench: Installation, checkout: Path) -> Run:
    with bench.stream(checkout) as stream:
        warm_up(bench)
        process = psutil.Process(stream.pid)
        before = process.cpu_times()
        rate = burst(bench)
        after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    return Run(rate, cpu / STREAM_EVENTS * 1e6)


if __name__ == "__main__":
    sys.exit(main())
