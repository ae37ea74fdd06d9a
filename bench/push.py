"""What push costs and how soon it tells: ``make bench-push`` writes docs/push-performance.md.

From the commit of an event to the signal at the loopback bus, alone and while the provider of mail
answers nobody; from a claim to the bus; the CPU of the graph beside a bare loop that posts the same
bodies. Exit status 1 if a budget is not met.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import httpx2
import psutil

from bench import machine
from bench.installation import ROOT
from bench.mail_report import Cpu
from bench.measure import Latency
from bench.push_report import PushFigures, write_push_report
from bench.pushes import TOKEN, PushBench, push_bench
from bench.steady import write_events
from local.demo.worker import Worker
from pipeline.domain.graph import Graph

REPORT: Final = ROOT / "docs" / "push-performance.md"
EVENTS: Final = 400
RATE: Final = 20
WARM: Final = 40
POSTED: Final = 2_000
_WAIT_SECONDS: Final = 300.0
_ASKED: Final = """
    SELECT delivery.id::text, extract(epoch FROM event.created_at)::float8,
        extract(epoch FROM delivery.started_at)::float8
    FROM fanout.deliveries AS delivery
    JOIN domain_events AS event ON delivery.cause = 'domain_events:' || event.id
    WHERE event.id >= %s AND delivery.channel = 'bus'
"""


def main() -> int:
    """Measure, write the report; 1 if a budget is not met."""
    parser = argparse.ArgumentParser(prog="python -m bench.push", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="how many are timed")
    events = parser.parse_args().events
    noise = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        push_bench(Path(folder)) as bench,
        ExitStack() as running,
    ):
        for graph in (Graph.FANOUT, Graph.PUSH):
            log = bench.folder / f"{graph}.log"
            running.enter_context(Worker(log, bench.environment, graph=graph))
        _say("commit to signal, all parts ...")
        latency, claimed = measure_latency(bench, events)
        _say("the same, while the provider of mail answers nobody ...")
        bench.resend.server.hold()
        running.enter_context(
            Worker(bench.folder / "mail.log", bench.environment, graph=Graph.MAIL)
        )
        beside, _ = measure_latency(bench, events)
        held = bench.resend.server.waiting
        bench.resend.server.release()
        running.close()
        _say("CPU of a push ...")
        cpu = measure_cpu(bench)
    figures = PushFigures(
        rate=RATE,
        latency=latency,
        claimed=claimed,
        beside=beside,
        held=held,
        cpu=cpu,
        noise=machine.Noise(noise, machine.spread()),
    )
    met = write_push_report(REPORT, figures)
    _say(REPORT.read_text())
    return 0 if met else 1


def measure_latency(bench: PushBench, events: int) -> tuple[Latency, Latency]:
    """Measure single events at ``RATE``.

    Returns:
        from their commit to the signal at the bus; and from the claim of the delivery to it.
    """
    before = len(bench.bus.arrived)
    write_events(bench.connection, WARM, rate=RATE)
    _wait_for_signals(bench, before + WARM)
    first = write_events(bench.connection, events, rate=RATE)
    _wait_for_signals(bench, before + WARM + events)
    arrived = dict(bench.bus.arrived)
    asked = [each for each in bench.rows(_ASKED, first) if each[0] in arrived]
    return (
        Latency([(arrived[id_] - committed) * 1000 for id_, committed, _ in asked]),
        Latency([(arrived[id_] - claimed) * 1000 for id_, _, claimed in asked]),
    )


def _wait_for_signals(bench: PushBench, count: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while len(bench.bus.arrived) < count:
        if time.monotonic() > deadline:
            sys.exit(f"only {len(bench.bus.arrived)} of {count} signals came")
        time.sleep(0.02)


def measure_cpu(bench: PushBench) -> Cpu:
    """Let the graph push what waits, one request each; then post the same bodies alone."""
    bench.forget()
    with Worker(bench.folder / "cpu.log", bench.environment, graph=Graph.PUSH) as worker:
        bench.wait(WARM)
        _wait_for_signals(bench, WARM)
        before = _cpu_of(worker)
        bench.wait(POSTED)
        _wait_for_signals(bench, WARM + POSTED)
        while bench.rows("SELECT count(*) FROM fanout.deliveries WHERE state <> 'done'") != [(0,)]:
            time.sleep(0.02)
        graph = (_cpu_of(worker) - before) / POSTED
    bodies = [bytes(each.body) for each in bench.bus.asked[-POSTED:]]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        bare = pool.submit(post_all, dict(bench.variables), bodies).result() / POSTED
    return Cpu(graph=graph * 1e3, bare=bare * 1e3)


def _cpu_of(worker: Worker) -> float:
    times = psutil.Process(worker.pid).cpu_times()
    return float(times.user + times.system)


def post_all(variables: Mapping[str, str], bodies: Sequence[bytes]) -> float:
    """Post bodies one after another; return the seconds of CPU that it took."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with httpx2.Client(base_url=variables["WEBSOCKET_BUS_URL"], headers=headers) as client:
        client.post("/signals", content=bodies[0])
        started = time.process_time()
        for body in bodies:
            answer = client.post("/signals", content=body)
            answer.raise_for_status()
            answer.json()
        return time.process_time() - started


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
