"""How fast events of reactions are processed: ``make bench-reactions``.

Writes docs/reactions-performance.md: events a second through the graph, with wake-ups as change
data capture would send them and with Debezium itself; from the commit of an event to its task; the
same for two programs that poll. Exit status 1 if a budget is not met.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from uuid import UUID

from bench import machine
from bench.installation import ROOT
from bench.measure import RUNS, Latency, Throughput
from bench.polling import FREQUENT, ORIGINAL, Polling, poll
from bench.reaction_bench import ReactionBench, reaction_bench
from bench.reaction_report import Polled, ReactionFigures, write_reaction_report
from local.demo.worker import Worker
from pipeline.domain.graph import Graph

REPORT: Final = ROOT / "docs" / "reactions-performance.md"
BURST: Final = 20_000
RATE: Final = 20
EVENTS: Final = 400
WARM: Final = 40
# The replaced program would need hours for the burst of the graph.
POLLED: Final = {ORIGINAL: (60, 1.0, 20), FREQUENT: (2_000, float(RATE), 200)}
_SETTLE_SECONDS: Final = 60.0


def main() -> int:
    """Measure, write the report; 1 if a budget is not met."""
    parser = argparse.ArgumentParser(prog="python -m bench.reactions", description=__doc__)
    parser.add_argument("--burst", type=int, default=BURST, help="events of one burst")
    size = parser.parse_args().burst
    noise = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        reaction_bench(Path(folder)) as bench,
    ):
        log = bench.folder / "reactions.log"
        with Worker(log, bench.stack.environment(), graph=Graph.REACTIONS):
            _say("commit to task, Debezium included ...")
            latency = measure_latency(bench, EVENTS, RATE)
            _say("a burst, Debezium included ...")
            whole = burst(bench, size, captured=True)
            bench.end_capture()
            _say("bursts, without Debezium ...")
            runs = [burst(bench, size, captured=False) for _ in range(RUNS)]
        polled = {}
        for polling in POLLED:
            _say(f"a program that polls every {polling.every:g} s ...")
            polled[polling] = measure_polling(bench, polling)
    figures = ReactionFigures(
        rate=RATE,
        burst=size,
        throughput=Throughput(runs),
        whole=whole,
        latency=latency,
        original=polled[ORIGINAL],
        frequent=polled[FREQUENT],
        noise=machine.Noise(noise, machine.spread()),
    )
    met = write_reaction_report(REPORT, figures)
    _say(REPORT.read_text())
    return 0 if met else 1


def measure_latency(bench: ReactionBench, events: int, rate: float) -> Latency:
    """Insert single events; measure from the end of each commit to the time its task is seen."""
    with bench.watching() as seen:
        emit(bench, WARM if rate >= RATE else 1, rate)
        committed = emit(bench, events, rate)
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not committed.keys() <= seen.keys():
            if time.monotonic() > deadline:
                sys.exit(f"only {len(committed.keys() & seen.keys())} of {events} tasks came")
            time.sleep(0.02)
    bench.forget()
    return Latency([(seen[id_] - at) * 1000 for id_, at in committed.items()])


def emit(bench: ReactionBench, count: int, rate: float) -> dict[UUID, float]:
    """Insert events, each in a transaction of its own; return the time after each commit."""
    committed: dict[UUID, float] = {}
    start = time.perf_counter()
    for position in range(count):
        time.sleep(max(0.0, start + position / rate - time.perf_counter()))
        event = bench.verified()
        committed[event[0]] = bench.insert([event])
    return committed


def burst(bench: ReactionBench, count: int, *, captured: bool) -> float:
    """Let so many events happen at once; return events a second."""
    events = bench.mixture(count)
    started = bench.insert(events)
    if not captured:
        started = time.time()
        bench.wake(events)
    rate = count / (bench.wait_until_processed(events) - started)
    bench.forget()
    return rate


def measure_polling(bench: ReactionBench, polling: Polling) -> Polled:
    """Measure a program that polls: a burst, then single events at a rate that it can keep."""
    count, rate, singles = POLLED[polling]
    with poller(bench, polling):
        events = [bench.verified() for _ in range(count)]
        started = bench.insert(events)
        throughput = count / (bench.wait_until_processed(events) - started)
        bench.forget()
        return Polled(polling, throughput, rate, measure_latency(bench, singles, rate))


@contextmanager
def poller(bench: ReactionBench, polling: Polling) -> Iterator[None]:
    """Run the program in a process of its own."""
    context = get_context("spawn")
    stop = context.Event()
    url = bench.stack.environment()["DATABASE_URL"]
    process = context.Process(target=poll, args=(url, polling, stop), daemon=True)
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(polling.every + 10)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
