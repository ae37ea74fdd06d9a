"""The report: every figure with its budget and its baseline, and a chart."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine
from bench.charts import CleanStyle, pygal
from bench.measure import RUNS, STEADY_RATE, Latency, Throughput
from bench.world import FAN_OUT

RAW_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The results of one run of the benchmark; throughput in events a second."""

    catch_up: Throughput
    raw: Throughput
    polling: Throughput
    stream: Throughput
    steady: Latency
    end_to_end: Latency
    noise: machine.Noise
    seconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    found: str
    budget: str
    met: bool

    def __str__(self) -> str:
        return f"| {self.what} | {self.found} | {self.budget} | {'yes' if self.met else '**no**'} |"


def write_report(path: Path, figures: Figures) -> bool:
    """Write the report and its chart; return whether all budgets are met."""
    lines = _lines(figures)
    path.parent.mkdir(exist_ok=True)
    path.write_text(_text(figures, lines))
    _chart(figures).render_to_file(str(path.with_suffix(".svg")))
    return all(line.met for line in lines)


def _lines(figures: Figures) -> list[Line]:
    ratio = figures.catch_up.median / figures.raw.median
    steady, whole = figures.steady, figures.end_to_end
    return [
        _at_least("catch-up, events/s", figures.catch_up, 4_000),
        Line(
            "catch-up, share of the raw write",
            f"{ratio:.2f}",
            f">= {RAW_SHARE:.2f}",
            ratio >= RAW_SHARE,
        ),
        _at_least("stream on one machine, events/s", figures.stream, 2_500),
        _at_most(f"publish to row at {STEADY_RATE} events/s, p50", steady.percentile(0.5), 40),
        _at_most(f"publish to row at {STEADY_RATE} events/s, p99", steady.percentile(0.99), 150),
        _at_most("commit to row, Debezium included, p50", whole.percentile(0.5), 120),
        _at_most("commit to row, Debezium included, p99", whole.percentile(0.99), 500),
    ]


def _at_least(what: str, found: Throughput, budget: int) -> Line:
    runs = ", ".join(f"{run:,.0f}" for run in found.runs)
    return Line(what, f"{found.median:,.0f} ({runs})", f">= {budget:,}", found.median >= budget)


def _at_most(what: str, milliseconds: float, budget: int) -> Line:
    return Line(what, f"{milliseconds:.0f} ms", f"<= {budget} ms", milliseconds <= budget)


def _text(figures: Figures, lines: list[Line]) -> str:
    table = "\n".join(map(str, lines))
    gain = figures.catch_up.median / figures.polling.median
    return f"""# Performance

Written by `make bench`, which takes about five minutes ({figures.seconds:.0f} s this time), on
{datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres, Pub/Sub and the pipeline share the
machine. Debezium shares it too while commit to row is measured. Postgres syncs every commit. Every event notifies {FAN_OUT} people
in the app. Every fifth event is an upload, which also sends them an e-mail.
Throughput is the median of {RUNS} runs; the brackets show each run.

| what | found | budget | met |
|---|---|---|---|
{table}

Baselines, from the same run:

| what | events/s |
|---|---|
| the same rows, written raw by one connection, 500 events a statement | {figures.raw.median:,.0f} |
| one event at a time, one statement for each question, as in the system we replace | {figures.polling.median:,.0f} |

Catch-up processes {gain:.1f} times as many events a second as polling one event at a time.

Noise: the same loop varied by a factor of {figures.noise.start:.2f} before and {figures.noise.end:.2f} after
(1.00 is a quiet machine).

![Events a second](performance.svg)
"""


def _chart(figures: Figures) -> pygal.HorizontalBar:
    chart = pygal.HorizontalBar(
        style=CleanStyle, print_values=True, show_legend=True, height=320, width=800
    )
    chart.title = f"Events a second, {FAN_OUT} people each"
    chart.add("one at a time", round(figures.polling.median))
    chart.add("stream", round(figures.stream.median))
    chart.add("catch-up", round(figures.catch_up.median))
    chart.add("raw write", round(figures.raw.median))
    return chart
