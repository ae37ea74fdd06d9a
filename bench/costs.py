"""Figures of the documents that are no budget: ``python -m bench.costs`` prints them.

health: how long a count for /health takes, with a million tries and 200,000 unrouted events.
own-tables: how long an application's table of a million events takes the place of ours, and the
longest that an insert beside it takes. bundle: CPU of an empty bundle of reactions, with the
description of Beam's metrics, as on Dataflow, and without it, as on one machine.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import psycopg
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PBegin
from apache_beam.runners.worker.bundle_processor import BundleProcessor

from bench import machine
from bench.harness import Stage
from local.postgres import Postgres
from pipeline.domain.wake_up import WakeUp
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.given import read_tables
from pipeline.ops.reactions.totals import read_totals
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.reactor import Reactor
from pipeline.topology.ends import Store
from pipeline.topology.reactions import ReactionsTopology

EVENTS: Final = 1_000_000
RUNS: Final = 5
TURNS: Final = 5
BUNDLES: Final = 100
_NOWHERE: Final = DatabaseSettings(dsn="host=nowhere")
_DESCRIBE: Final = "monitoring_infos"
_TRIES: Final = """
    INSERT INTO fanout.attempts (source, record_id, number, started_at, result)
    SELECT 'events', gen_random_uuid()::text, 1, now(),
           CASE WHEN n %% 10 = 0 THEN 'failed' ELSE 'done' END
    FROM generate_series(1, %(events)s) AS n;
    INSERT INTO fanout.reactions (event_id, event_type, state, finished_at)
    SELECT gen_random_uuid(), 'moon.rose', 'unrouted', now()
    FROM generate_series(1, %(events)s / 5) AS n;
    ANALYZE fanout.attempts, fanout.reactions
"""
# As an application has it whose poller processes events.
_TABLE: Final = """
    CREATE TABLE public.events (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_type varchar(100) NOT NULL,
        aggregate_id uuid, aggregate_type varchar(50), payload jsonb NOT NULL, metadata jsonb,
        processed boolean DEFAULT false, version int DEFAULT 1,
        created_at timestamptz DEFAULT now(), created_by varchar(100)
    );
    INSERT INTO public.events (event_type, payload, processed)
    SELECT 'user.verified', '{"userId": "4a0f3c9e-0000-4000-8000-000000000001"}', n %% 2 = 0
    FROM generate_series(1, %(events)s) AS n;
    ANALYZE public.events
"""
_INSERT: Final = "INSERT INTO public.events (event_type, payload) VALUES ('user.verified', '{}')"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.costs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = {"health": _health, "own-tables": _own_tables, "bundle": _bundle}
    parser.add_argument("part", nargs="*", help=f"{', '.join(parts)}; without one: all")
    parser.add_argument("--events", type=int, default=EVENTS, help="default: %(default)s")
    options = parser.parse_args(arguments)
    for name in options.part:
        if name not in parts:
            parser.error(f"invalid part {name!r}: expected one of {', '.join(parts)}")
    noise = machine.spread()
    for name in options.part or parts:
        _say(f"{name}: {parts[name](options.events)}")
    warning = machine.Noise(noise, machine.spread()).warning
    _say(warning.strip(" *") or "Nobody else used the machine.")
    _say(machine.describe())
    return 0


def _health(events: int) -> str:
    with _database() as dsn:
        return time_counts(dsn, events)


def time_counts(dsn: str, events: int) -> str:
    """Return how long a count took, with so many tries, in a database of reactions."""
    _run(dsn, _TRIES, events)
    settings, seconds = DatabaseSettings(dsn=dsn), []
    for _ in range(RUNS):
        started = time.perf_counter()
        read_totals(settings)
        seconds.append(time.perf_counter() - started)
    found = f"{machine.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
    return f"{found} a count, {events:,} tries"


def _own_tables(events: int) -> str:
    with _database() as dsn:
        return time_own_table(dsn, events)


def time_own_table(dsn: str, events: int) -> str:
    """Return how long a table of so many events took to replace ours, in such a database."""
    _run(dsn, _TABLE, events)
    with _inserting(dsn) as longest:
        started = time.perf_counter()
        tables = read_tables(["events=public.events"])
        migrate(dsn, family=Family.REACTIONS, tables=tables)
        seconds = time.perf_counter() - started
    return f"{seconds:.1f} s, the longest insert {max(longest) * 1000:.0f} ms, {events:,} events"


@contextmanager
def _inserting(dsn: str) -> Iterator[list[float]]:
    """Insert into the application's table until the block ends; yield the seconds of each."""
    seconds: list[float] = []
    ended = threading.Event()

    def insert() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not ended.is_set():
                started = time.perf_counter()
                connection.execute(_INSERT)
                seconds.append(time.perf_counter() - started)
                time.sleep(0.001)

    thread = threading.Thread(target=insert, name="insert")
    thread.start()
    try:
        yield seconds
    finally:
        ended.set()
        thread.join()


class _Source(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        impulse = pbegin | beam.Impulse()
        wake_ups: beam.PCollection[list[WakeUp]] = impulse | beam.Map(_nothing).with_output_types(
            list[WakeUp]
        )
        return wake_ups


def _nothing(_: bytes) -> list[WakeUp]:
    return []


def _bundle(_: int) -> str:
    pipeline = beam.Pipeline(options=PipelineOptions(flags=[]))
    topology = ReactionsTopology(reactor=Reactor(database=_NOWHERE), ends=Store(_NOWHERE))
    topology.build(pipeline, _Source())
    stage = Stage(pipeline.to_runner_api(), "Claim/Take")
    whole = getattr(BundleProcessor, _DESCRIBE)
    # This replaces the method.
    local_pipeline()
    none = getattr(BundleProcessor, _DESCRIBE)
    cpu: dict[Any, list[float]] = {whole: [], none: []}
    for _turn in range(TURNS):
        for method, found in cpu.items():
            setattr(BundleProcessor, _DESCRIBE, method)
            stage.process([])
            found += [stage.process([]).cpu for _ in range(BUNDLES)]
    before, after = (machine.median(each) for each in cpu.values())
    types = len(topology.reactor.handlers)
    return f"{before:.1f} ms of CPU with metrics, {after:.1f} ms without, {types} types"


@contextmanager
def _database() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder:
        cluster = Postgres(Path(folder) / "postgres")
        with cluster:
            migrate(cluster.dsn(), family=Family.REACTIONS)
            yield cluster.dsn()
        cluster.remove()


def _run(dsn: str, statements: str, events: int) -> None:
    # Several statements at once take no parameters of the server's.
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        psycopg.ClientCursor(connection) as cursor,
    ):
        cursor.execute(statements.encode(), {"events": events})


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the result


if __name__ == "__main__":
    sys.exit(main())
