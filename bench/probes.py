"""What probes cost the stream, and how soon ``/ready`` turns: writes docs/probes-performance.md.

``python -m bench.probes``, about seven minutes. The stream works steadily with and without probes,
in turns, since the machine's speed changes from minute to minute. Then each part of the installation
is killed and brought back. Exit status 1 if a promise is not kept.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2
import psutil

from bench import machine
from bench.installation import ROOT, Installation, installation
from bench.machine import median
from bench.measure import STEADY_RATE, Latency, steady, warm_up
from local.demo.worker import Worker
from local.service import Service

REPORT: Final = ROOT / "docs" / "probes-performance.md"
PAIRS: Final = 7
SECONDS: Final = 10
PROBES_A_SECOND: Final = 10
RUNS: Final = 5
PROMISED_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.2
TIMEOUT_SECONDS: Final = 60.0
# Both latencies of a pair may differ by this much and more without any probe.
MOST_RATIO: Final = 1.15


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds until /ready answered 503 after a loss, and until 200 after the part was started."""

    gone: float
    back: float


@dataclass(slots=True)
class Probes:
    """Asks /ready ten times a second, and /metrics once, each by a connection that it keeps."""

    url: str
    token: str
    asked: int = 0
    slowest: float = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask until the block ends."""
        ended = threading.Event()
        threads = [
            threading.Thread(target=self._ask, args=(ended, "/ready", 1 / PROBES_A_SECOND)),
            threading.Thread(target=self._ask, args=(ended, "/metrics", 1.0)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def _ask(self, ended: threading.Event, path: str, every: float) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx2.Client(base_url=self.url, headers=headers, timeout=30) as client:
            while not ended.wait(every):
                started = time.perf_counter()
                client.get(path)
                self.asked += 1
                self.slowest = max(self.slowest, time.perf_counter() - started)


def main() -> int:
    """Measure and write the report."""
    noise = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        installation(Path(folder) / "stack") as bench,
        _service(bench) as (service, probes),
        bench.stream() as stream,
    ):
        debezium = bench.stack.debezium
        assert debezium is not None  # noqa: S101 - the stack has started it
        # It would capture the events when they are inserted, before they are published.
        debezium.stop()
        pairs, cpu = _take_turns(bench, probes, service)
        debezium.start()
        turns = {name: _turns(name, each, probes) for name, each in _parts(bench, stream).items()}
    kept = write_probes_report(
        REPORT,
        pairs,
        turns,
        probes=probes,
        cpu=cpu,
        noise=machine.Noise(noise, machine.spread()),
    )
    _say(REPORT.read_text())
    return 0 if kept else 1


@contextmanager
def _service(bench: Installation) -> Iterator[tuple[Service, Probes]]:
    service = Service(bench.folder / "service")
    environment = bench.stack.environment()
    names = ("OPERATOR_DATABASE_URL", "VIEWER_DATABASE_URL", "PUBSUB_EMULATOR_HOST")
    service.begin({name: environment[name] for name in names})
    try:
        service.wait()
        found = service.variables()
        yield service, Probes(found["SERVICE_URL"], found["FANOUT_TOKEN"])
    finally:
        service.stop()


def _take_turns(
    bench: Installation, probes: Probes, service: Service
) -> tuple[list[tuple[Latency, Latency]], float]:
    """Return the latencies of each pair, with and without probes; and the service's CPU a probe."""
    warm_up(bench)
    steady(bench, SECONDS)
    process = psutil.Process(service.pid)
    pairs, cpu = [], 0.0
    for number in range(PAIRS):
        _say(f"pair {number + 1} of {PAIRS} ...")
        found: dict[bool, Latency] = {}
        for probed in (True, False) if number % 2 else (False, True):
            if probed:
                before = process.cpu_times()
                with probes.asking():
                    found[True] = steady(bench, SECONDS)
                after = process.cpu_times()
                cpu += after.user + after.system - before.user - before.system
            else:
                found[False] = steady(bench, SECONDS)
        pairs.append((found[True], found[False]))
    return pairs, cpu / probes.asked


@dataclass(frozen=True, slots=True)
class _Part:
    lose: Callable[[], None]
    restore: Callable[[], None]


def _parts(bench: Installation, stream: Worker) -> dict[str, _Part]:
    debezium, postgres = bench.stack.debezium, bench.stack.postgres
    assert debezium is not None  # noqa: S101 - the stack has started it

    def kill_graph() -> None:
        os.kill(stream.pid, signal.SIGKILL)
        stream.stop()

    def start_postgres() -> None:
        postgres.start()
        debezium.kill()
        debezium.start()

    return {
        "a graph": _Part(kill_graph, stream.start),
        "Debezium": _Part(debezium.kill, debezium.start),
        "the database": _Part(postgres.crash, start_postgres),
    }


def _turns(name: str, part: _Part, probes: Probes) -> list[Turn]:
    turns = []
    for number in range(RUNS):
        _say(f"{name}, {number + 1} of {RUNS} ...")
        _wait_for(200, probes)
        part.lose()
        gone = _wait_for(503, probes)
        part.restore()
        turns.append(Turn(gone, _wait_for(200, probes)))
    return turns


def _wait_for(status: int, probes: Probes) -> float:
    """Ask until /ready has a status; return after how many seconds."""
    started = time.perf_counter()
    with httpx2.Client(base_url=probes.url, timeout=30) as client:
        while client.get("/ready").status_code != status:
            if time.perf_counter() - started > TIMEOUT_SECONDS:
                raise TimeoutError(f"/ready did not answer {status} in {TIMEOUT_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)
    return time.perf_counter() - started


def write_probes_report(
    path: Path,
    pairs: list[tuple[Latency, Latency]],
    turns: dict[str, list[Turn]],
    *,
    probes: Probes,
    cpu: float,
    noise: machine.Noise,
) -> bool:
    """Write the report of probes; return whether their budgets are met.

    Args:
        path: of the report.
        pairs: latencies of the stream with probes, and without.
        turns: by the part that was lost.
        probes: that were made.
        cpu: seconds of the service's CPU for a probe.
        noise: of the machine.
    """
    rows, ratios = [], {}
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        both = [(one.percentile(share), other.percentile(share)) for one, other in pairs]
        each = [one / other for one, other in both]
        ratios[name] = median(each)
        rows.append(
            f"| {name} | {median([one for one, _ in both]):.1f} ms"
            f" | {median([other for _, other in both]):.1f} ms"
            f" | {ratios[name]:.2f} ({min(each):.2f} to {max(each):.2f}) |"
        )
    lost = []
    for name, found in turns.items():
        gone, back = [each.gone for each in found], [each.back for each in found]
        lost.append(
            f"| {name} | {median(gone):.1f} s | {max(gone):.1f} s | {median(back):.1f} s"
            f" | {max(back):.1f} s |"
        )
    every = [each for found in turns.values() for each in found]
    kept = all(max(each.gone, each.back) <= PROMISED_SECONDS for each in every)
    costless = ratios["p50"] <= MOST_RATIO
    rates, losses = "\n".join(rows), "\n".join(lost)
    path.write_text(f"""# What probes cost, and how soon they turn

Written by `make bench-probes` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres, Pub/Sub, Debezium,
the stream and the service share the machine. Postgres syncs every commit.

**Cost.** The stream processes {STEADY_RATE} events a second for {SECONDS} s, with and without probes, in turns, {PAIRS} times. The probes
ask `/ready` {PROBES_A_SECOND} times a second and `/metrics` once a second. Time is from the publish of an event to its row. The ratio is the
median of the pairs; the brackets show the smallest and the largest.

| | with probes | without | ratio |
|---|---|---|---|
{rates}

{probes.asked:,} probes took {cpu * 1000:.1f} ms of the service's CPU each; the slowest answer came after {probes.slowest * 1000:.0f} ms.

**Turns.** Each part is killed {RUNS} times. `gone` is from the kill to the first 503 of `/ready`, `back` from the moment when the part has
started again to the first 200. Promised are {PROMISED_SECONDS:.0f} s for both: {"kept" if kept else "**not kept**"}.

| part | gone | at worst | back | at worst |
|---|---|---|---|---|
{losses}

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet
machine).
""")
    return kept and costless


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
