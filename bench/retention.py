"""Retention beside the stream: ``make bench-retention`` writes docs/retention-performance.md.

The stream processes 200 events a second: first alone, then while the job deletes the ledger rows of
ten million old events (or as many as ``--rows`` says), then alone again. The budget is on the ratio of
the 99th percentiles. Exit status 1 if the budget is not met.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.installation import ROOT, Installation, installation
from bench.measure import Latency, publish, wait_until_done, warm_up
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate

REPORT: Final = ROOT / "docs" / "retention-performance.md"
ROWS: Final = 10_000_000
CHUNK: Final = 100_000
RATE: Final = 200
ALONE_SECONDS: Final = 20
BUDGET_RATIO: Final = 1.5

_OLD: Final = """
    WITH event AS (
        INSERT INTO domain_events (event_type, created_at)
        SELECT 'chat_message_sent', now() - interval '100 days' FROM generate_series(1, %s)
        RETURNING id, event_type, created_at
    )
    INSERT INTO notification_processing (
        event_id, event_type, processing_status, notifications, emails, skipped, event_created_at,
        completed_at, processor_id, pipeline_version, claimed_at
    )
    SELECT id, event_type, 'completed', 5, 1, 0, created_at, created_at, 'fanout', '0.2.0', NULL
    FROM event
"""
# Bytes of a row with its part of the indexes.
_SIZES: Final = """
    SELECT pg_total_relation_size('notification_processing')::float8 / %s
"""


@dataclass(slots=True)
class Part:
    """The milliseconds of events that were published in one part of the run, and its seconds."""

    samples: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def latency(self) -> Latency:
        """The samples."""
        return Latency(self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The result of a run."""

    rows: int
    row_bytes: float
    alone: Part
    beside: Part
    counts: dict[str, Any]
    noise: machine.Noise
    load: float

    @property
    def ratio(self) -> float:
        """The 99th percentile beside retention over that of the stream alone."""
        return self.beside.latency.percentile(0.99) / self.alone.latency.percentile(0.99)


def main() -> int:
    """Measure and write the report; 1 if the budget is not met."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", type=int, default=ROWS, help="ledger rows to delete")
    figures = _measure(parser.parse_args().rows)
    write_retention_report(REPORT, figures)
    _say(REPORT.read_text())
    return 0 if figures.ratio <= BUDGET_RATIO else 1


def _measure(rows: int) -> Figures:
    noise, load = machine.spread(), os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        installation(Path(folder) / "stack") as bench,
    ):
        if bench.stack.debezium is not None:
            bench.stack.debezium.stop()
        migrate(bench.stack.environment()["DATABASE_URL"], family=Family.JOBS)
        with bench.stream():
            # This empties the tables.
            warm_up(bench)
            _say(f"{rows:,} old events ...")
            for start in range(0, rows, CHUNK):
                bench.world.connection.execute(_OLD, [min(CHUNK, rows - start)])
            ((size,),) = bench.world.connection.execute(_SIZES, [rows]).fetchall()
            bench.world.connection.execute("VACUUM ANALYZE domain_events, notification_processing")
            bench.world.connection.execute("CHECKPOINT")
            _say("the stream alone, beside retention, alone ...")
            alone, beside = Part(), Part()
            _stream_for(bench, alone, _for_seconds(ALONE_SECONDS))
            counts = _beside_retention(bench, beside)
            _stream_for(bench, alone, _for_seconds(ALONE_SECONDS))
    if counts["emitted"] != rows:
        raise AssertionError(f"retention deleted {counts['emitted']} of {rows} rows")
    return Figures(
        rows=rows,
        row_bytes=float(size),
        alone=alone,
        beside=beside,
        counts=counts,
        noise=machine.Noise(noise, machine.spread()),
        load=load,
    )


def _beside_retention(bench: Installation, part: Part) -> dict[str, Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "job", "retention"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": bench.stack.environment()["DATABASE_URL"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        _stream_for(bench, part, lambda: process.poll() is None)
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise AssertionError(f"retention ended with status {process.returncode}")
    counts: dict[str, Any] = json.loads(output.splitlines()[-1])
    return counts


def _for_seconds(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


def _stream_for(bench: Installation, part: Part, going_on: Callable[[], bool]) -> None:
    """Publish at ``RATE``, second by second, and add the latency of every event to a part."""
    published: dict[int, float] = {}
    start = time.perf_counter()
    while going_on():
        for event in bench.world.insert_events(RATE):
            due = start + len(published) / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            published[event] = time.time()
            publish(bench, [event])
    part.seconds += time.perf_counter() - start
    part.samples += _latencies(bench, published, sorted(published))


def _latencies(
    bench: Installation, published: dict[int, float], events: Sequence[int]
) -> list[float]:
    wait_until_done(bench, len(events), since=events[0] - 1)
    rows = bench.world.connection.execute(
        "SELECT event_id, extract(epoch FROM completed_at)::float8 FROM notification_processing"
        " WHERE event_id >= %s",
        [events[0]],
    )
    return [(written - published[event]) * 1000 for event, written in rows]


def write_retention_report(path: Path, figures: Figures) -> None:
    """Write the report of retention beside the stream."""
    alone, beside = figures.alone.latency, figures.beside.latency
    verdict = "yes" if figures.ratio <= BUDGET_RATIO else "**no**"
    rate = figures.rows / figures.counts["seconds"]
    path.write_text(f"""# Retention beside the stream

Written by `python -m bench.retention --rows {figures.rows}` on {time.strftime("%Y-%m-%d")}:
{machine.describe()}.
Everything runs on these cores: Postgres, Pub/Sub, the stream at {RATE} events/s with five recipients each, and retention. The load of the machine was {figures.load:.1f} before the run. A fixed loop took up
to {figures.noise.start:.2f} times its fastest time at the start, {figures.noise.end:.2f} times at the end.

| publish → row | p50 | p95 | p99 | events |
|---|---|---|---|---|
| the stream alone | {_percentiles(alone)} | {len(alone.samples):,} |
| while retention deletes | {_percentiles(beside)} | {len(beside.samples):,} |

| budget | measured | met |
|---|---|---|
| p99 beside retention at most {BUDGET_RATIO:g} times that of the stream alone | {figures.ratio:.2f} | {verdict} |

Retention deleted {figures.rows:,} ledger rows in {figures.counts["seconds"]:.0f} s: {rate:,.0f} rows/s, the pauses between its batches
included. A ledger row takes {figures.row_bytes:.0f} bytes with its part of the indexes.
""")


def _percentiles(latency: Latency) -> str:
    return " | ".join(f"{latency.percentile(share):.0f} ms" for share in (0.5, 0.95, 0.99))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
