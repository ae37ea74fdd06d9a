"""The report of reactions: every figure with its budget, beside two programs that poll."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine
from bench.charts import CleanStyle, pygal
from bench.measure import Latency, Throughput
from bench.polling import Polling
from bench.report import Line

_EVENTS_A_SECOND: Final = 2_000
_P50: Final = 20


@dataclass(frozen=True, slots=True)
class Polled:
    """What a program that polls reaches.

    Attributes:
        throughput: events a second.
        rate: events a second while the latency was measured.
        latency: from the commit of an event to its task.
    """

    polling: Polling
    throughput: float
    rate: float
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionFigures:
    """The results of one run.

    Attributes:
        rate: events a second while the latency was measured.
        burst: how many events came at once.
        throughput: with wake-ups as change data capture would send them.
        whole: events a second of a burst that Debezium captured.
        latency: from the commit of an event to its task, Debezium included.
        original: of the program that this family replaces.
        frequent: of one that polls more often.
    """

    rate: int
    burst: int
    throughput: Throughput
    whole: float
    latency: Latency
    original: Polled
    frequent: Polled
    noise: machine.Noise


def write_reaction_report(path: Path, figures: ReactionFigures) -> bool:
    """Write the report and its chart; return whether all budgets are met."""
    lines = _lines(figures)
    path.write_text(_text(figures, lines))
    _chart(figures).render_to_file(str(path.with_suffix(".svg")))
    return all(line.met for line in lines)


def _lines(figures: ReactionFigures) -> list[Line]:
    found, half = figures.throughput, figures.latency.percentile(0.5)
    runs = ", ".join(f"{run:,.0f}" for run in found.runs)
    return [
        Line(
            "events/s through the graph",
            f"{found.median:,.0f} ({runs})",
            f">= {_EVENTS_A_SECOND:,}",
            found.median >= _EVENTS_A_SECOND,
        ),
        Line(
            f"commit to task at {figures.rate}/s, Debezium included, p50",
            f"{half:.0f} ms",
            f"<= {_P50} ms",
            half <= _P50,
        ),
    ]


def _text(figures: ReactionFigures, lines: list[Line]) -> str:
    noise = figures.noise
    table = "\n".join(map(str, lines))
    others = "\n".join(_baseline(each) for each in (figures.original, figures.frequent))
    return f"""# Performance of reactions

{noise.warning}Written by `make bench-reactions` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres, Debezium, Pub/Sub and the graph
share the machine. Postgres syncs every commit.

| what | found | budget | met |
|---|---|---|---|
{table}

*Events/s*: {figures.burst:,} events of four types at once; three of the types lead to a task, one of these to a further event too. The
time runs from the first wake-up, which the bench publishes as Debezium would, until the last event is processed. With Debezium itself,
from the commit of the burst: {figures.whole:,.0f} events/s. *Commit to task*: {len(figures.latency.samples)} events, from the end of the commit through Debezium and the
graph, until another connection can see the task; 99 of 100 within {figures.latency.percentile(0.99):.0f} ms.

Beside them, in the same run, programs that poll and process one event after another, with two statements each and without a ledger:

| program | events/s | commit to task, p50 | p99 |
|---|--:|--:|--:|
{others}

The first polls as the program that this family replaces. The second shows what polling costs at its best.

![How long tasks took](reactions-performance.svg)

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet machine).
"""


def _baseline(each: Polled) -> str:
    half, most = each.latency.percentile(0.5), each.latency.percentile(0.99)
    return (
        f"| polls every {each.polling.every:g} s, {each.polling.most} rows; at {each.rate:g}/s"
        f" | {each.throughput:,.0f} | {half:,.0f} ms | {most:,.0f} ms |"
    )


def _chart(figures: ReactionFigures) -> pygal.XY:
    chart = pygal.XY(
        style=CleanStyle, height=320, width=800, dots_size=1, show_y_guides=True, logarithmic=True
    )
    chart.title = "Milliseconds from the commit of an event to its task"
    chart.x_title = "percent of the events"
    for name, latency in (
        ("reactions", figures.latency),
        (f"polling every {figures.frequent.polling.every:g} s", figures.frequent.latency),
        (f"polling every {figures.original.polling.every:g} s", figures.original.latency),
    ):
        chart.add(name, [(part, latency.percentile(part / 100)) for part in range(1, 100, 2)])
    return chart
