"""The cost of a job on Dataflow: ``python -m bench.dataflow`` writes ``docs/capacity.md``.

Measures bundles of the worker harness, with a stub that answers at once and with Postgres, and
computes the plan for a rate of events from them.
"""

import itertools
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PBegin

from bench import machine
from bench.harness import Cost, Stage
from bench.installation import ROOT, installation
from bench.stub import answering_at_once
from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.settings import DatabaseSettings
from pipeline.sources.collect import Batching, Collect
from pipeline.sources.deduplicate import Keyed
from pipeline.sources.native import Shard, Spread, write_message
from pipeline.topology.ends import Store
from pipeline.topology.fanout import Topology

REPORT: Final = ROOT / "docs" / "capacity.md"
SIZES: Final = (1, 5, 10, 100, 500)
RATES: Final = (1, 100, 1_000, 10_000)
RUNS: Final = 15
BATCHING: Final = Batching()
POOL_SIZE: Final = 4
# Share of a vCPU. The rest is for the runner's own work and for bursts.
USED: Final = 0.5
# How long a key's next bundle fills while the last one is committed. A low estimate.
COMMIT_SECONDS: Final = 0.02
LONE_CPU_MS: Final = 10
RATE: Final = 800
LATENCY_MS: Final = 70
GRANTED: Final = 100

_ONE_TYPE: Final = {0: "chat_message_sent"}
_ALL_TYPES: Final[dict[int, str]] = dict(enumerate(HANDLERS))


@dataclass(frozen=True, slots=True)
class Measured:
    """Median milliseconds for a bundle of each size."""

    collect: Mapping[int, float]
    one_type: Mapping[int, float]
    all_types: Mapping[int, float]
    postgres: Mapping[int, Cost]


class _Source(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Replaces the read of the job's source, which no runner on this machine has."""

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        nothing = pbegin | beam.Create([("", b"")], reshuffle=False).with_output_types(Keyed)
        received = nothing | beam.GroupByKey() | "Receive" >> beam.FlatMap(_received)
        batches: beam.PCollection[list[WakeUp]] = (
            received
            | "Shard" >> beam.Map(Shard(BATCHING.shards))
            | "Collect" >> Collect(BATCHING)
            | "Spread" >> Spread()
        )
        return batches


def _received(keyed: tuple[str, Any]) -> Iterator[Keyed]:
    return ((keyed[0], written) for written in keyed[1])


class Job:
    """The two stages of the job, each in its own harness."""

    def __init__(self, database: DatabaseSettings) -> None:
        pipeline = beam.Pipeline(options=PipelineOptions(flags=[]))
        topology = Topology(
            database=database, handlers=HANDLERS, policy=Policy(), ends=Store(database)
        )
        topology.build(pipeline, _Source())
        graph = pipeline.to_runner_api()
        self._collect = Stage(graph, "ReadEvents/Collect/Batch")
        self._path = Stage(graph, "Fetch/Read")

    def collect(self, ids: range) -> Cost:
        """Process messages of one bundle up to the batching."""
        return self._collect.process((str(each), [_written(each)]) for each in ids)

    def path(self, ids: range) -> Cost:
        """Process one batch, from Fetch to Write."""
        return self._path.process([(1, [[_written(each) for each in ids]])])


def _written(event_id: int) -> bytes:
    return write_message(message_for(EventId(event_id), datetime.now(UTC)))


def measure(database_url: str, insert: Any) -> Measured:  # noqa: ANN401 - of the world
    """Measure every bundle; ``insert`` makes the given number of events and returns their ids."""
    numbers = itertools.count(1)

    def fresh(size: int) -> range:
        first = next(numbers) * max(SIZES)
        return range(first, first + size)

    def cpu(process: Any, size: int) -> float:  # noqa: ANN401 - a method of the job
        return machine.median([process(fresh(size)).cpu for _ in range(RUNS)])

    job = Job(DatabaseSettings(dsn="host=nowhere"))
    with answering_at_once(_ALL_TYPES):
        # Every step has counters by then, as in a job that has run for a while.
        job.path(fresh(max(SIZES)))
        all_types = {size: cpu(job.path, size) for size in SIZES}
    with answering_at_once(_ONE_TYPE):
        one_type = {size: cpu(job.path, size) for size in SIZES}
    collect = {size: cpu(job.collect, size) for size in SIZES}
    real = Job(DatabaseSettings(dsn=database_url))
    postgres = {}
    for size in SIZES:
        costs = []
        for _ in range(RUNS + 1):
            ids = insert(size)
            costs.append(real.path(range(ids[0], ids[0] + size)))
        # The first run opens a connection.
        warm = costs[1:]
        postgres[size] = Cost(
            machine.median([each.cpu for each in warm]),
            machine.median([each.wall for each in warm]),
        )
    close_pools()
    return Measured(collect, one_type, all_types, postgres)


@dataclass(frozen=True, slots=True)
class Plan:
    """The resources for a rate of events.

    Attributes:
        rate: events a second.
        batch: events in an average batch.
        cpu: milliseconds of CPU for an event, in both stages.
        processes: enough to keep a vCPU and the connections of each busy for at most ``USED``.
    """

    rate: int
    batch: float
    cpu: float
    processes: int

    @property
    def of_a_process(self) -> int:
        """The events a second that one process can do, in bundles of this size."""
        return round(1000 / self.cpu)

    @property
    def connections(self) -> int:
        """The connections that the job may open."""
        return self.processes * POOL_SIZE


def plan(measured: Measured, rate: int) -> Plan:
    """Size a job, for events of all types that arrive at random."""
    each_shard = rate / BATCHING.shards
    batch = min(BATCHING.size, 1 + each_shard * BATCHING.hold.total_seconds())
    arriving = max(1.0, each_shard * COMMIT_SECONDS)
    path = between(measured.all_types, batch) / batch
    collect = between(measured.collect, arriving) / arriving
    # A timer sends a batch that is not full. The timer is a bundle of its own.
    timer = measured.collect[1] / batch if batch < BATCHING.size else 0.0
    cpu = path + collect + timer
    walls = {size: cost.wall for size, cost in measured.postgres.items()}
    waiting = between(walls, batch) / batch / POOL_SIZE
    return Plan(rate, batch, cpu, max(1, math.ceil(rate * max(cpu, waiting) / 1000 / USED)))


def kept_up_with(measured: Measured) -> int:
    """The most events a second, in hundreds, for which one process has enough CPU."""
    steps = range(100, 50_000, 100)
    return max(rate for rate in steps if plan(measured, rate).of_a_process >= rate)


def between(costs: Mapping[int, float], size: float) -> float:
    """The cost of a bundle of any size, interpolated linearly between the measured sizes."""
    sizes = sorted(costs)
    for low, high in itertools.pairwise(sizes):
        if size <= high:
            share = (size - low) / (high - low)
            return costs[low] + share * (costs[high] - costs[low])
    return costs[sizes[-1]]


def main() -> int:
    """Measure and write the report; return 1 if a budget is not met."""
    noise_before = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        installation(Path(folder) / "stack") as bench,
    ):
        if bench.stack.debezium is not None:
            bench.stack.debezium.stop()
        url = bench.stack.environment()["WRITER_DATABASE_URL"]
        measured = measure(url, bench.world.insert_events)
    noise = machine.Noise(noise_before, machine.spread())
    text, met = report(measured, noise)
    REPORT.write_text(text)
    sys.stderr.write(text)
    return 0 if met else 1


def report(measured: Measured, noise: machine.Noise) -> tuple[str, bool]:
    """Return the page, and whether all budgets are met."""
    plans = [plan(measured, rate) for rate in RATES]
    lone, latency = measured.all_types[1], measured.postgres[1].wall
    most, connections = kept_up_with(measured), plans[-1].connections
    budgets = (
        ("CPU of a lone event, ms", f"{lone:.1f}", f"<= {LONE_CPU_MS}", lone <= LONE_CPU_MS),
        ("events/s that one process keeps up with", f"{most:,}", f">= {RATE}", most >= RATE),
        (
            "a lone event from Fetch to Write with Postgres, ms",
            f"{latency:.0f}",
            f"<= {LATENCY_MS}",
            latency <= LATENCY_MS,
        ),
        (
            "connections at 10,000 events/s",
            f"{connections}",
            f"<= {GRANTED}, the default grant",
            connections <= GRANTED,
        ),
    )
    met = all(each[-1] for each in budgets)
    judged = "\n".join(
        f"| {what} | {found} | {budget} | {'yes' if good else '**no**'} |"
        for what, found, budget, good in budgets
    )
    sizes = "\n".join(
        f"| {size} | {measured.collect[size]:.1f} | {measured.one_type[size]:.1f}"
        f" | {measured.all_types[size]:.1f} | {measured.postgres[size].cpu:.1f}"
        f" | {measured.postgres[size].wall:.1f} |"
        for size in SIZES
    )
    rates = "\n".join(
        f"| {each.rate:,} | {each.batch:.1f} | {each.cpu:.2f} | {each.of_a_process:,}"
        f" | {each.processes} | {math.ceil(each.processes / 2)} | {each.connections} |"
        for each in plans
    )
    hold = round(BATCHING.hold.total_seconds() * 1000)
    return (
        f"""# Capacity on Dataflow

Written by `python -m bench.dataflow` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}.
Nothing here was measured on Dataflow. Beam's worker harness processed one bundle after the other, in
one process. The figures do not include the cost of the runner around it.

| what | found | budget | met |
|---|---|---|---|
{judged}

## A bundle

Milliseconds for a bundle of that many events, medians of {RUNS}. Each event notifies five people. The
first stage only batches; the second does everything from Fetch to Write. "At once" means a database stub that
answers at once: these columns show only the CPU of the process.

| events | batching, CPU | one type, at once, CPU | all types, at once, CPU | with Postgres, CPU | with Postgres, time |
|---|---|---|---|---|---|
{sizes}

## A rate

The plan assumes events of all types that arrive at random. A batch fills for at most {hold} ms, and {BATCHING.shards}
batches fill at the same time. A key's next bundle collects the events of {COMMIT_SECONDS * 1000:.0f} ms, which is a guess.
A process and its connections are planned to be busy for at most {USED:.0%} of the time. An n2-standard-2 worker runs two processes.

| events/s | in a batch | CPU for an event, ms | events/s of a process, in such batches | processes | workers | connections |
|---|---|---|---|---|---|---|
{rates}

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet machine).
""",
        met,
    )


if __name__ == "__main__":
    sys.exit(main())
