"""The report of push: every figure with its budget, and a chart of all latencies."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine
from bench.charts import CleanStyle, pygal
from bench.mail_report import Cpu
from bench.measure import Latency
from bench.report import Line

# The budgets: milliseconds, and a ratio.
_P50: Final = 60
_P99: Final = 200
_CLAIMED_P50: Final = 5
_TIMES_BARE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFigures:
    """The results of one run.

    Attributes:
        rate: events a second while the latencies were measured.
        latency: from the commit of an event to the signal at the bus.
        claimed: from the claim of a delivery to the same.
        beside: as ``latency``, while the provider of mail answers nobody.
        held: how many requests that provider held at the end.
    """

    rate: int
    latency: Latency
    claimed: Latency
    beside: Latency
    held: int
    cpu: Cpu
    noise: machine.Noise


def write_push_report(path: Path, figures: PushFigures) -> bool:
    """Write the report and its chart; return whether all budgets are met."""
    lines = _lines(figures)
    path.write_text(_text(figures, lines))
    _chart(figures).render_to_file(str(path.with_suffix(".svg")))
    return all(line.met for line in lines)


def _lines(figures: PushFigures) -> list[Line]:
    cpu, beside = figures.cpu, figures.beside.percentile(0.99)
    half, most = figures.latency.percentile(0.5), figures.latency.percentile(0.99)
    claimed = figures.claimed.percentile(0.5)
    what = f"commit to signal at {figures.rate}/s"
    return [
        Line(f"{what}, p50", f"{half:.0f} ms", f"<= {_P50} ms", half <= _P50),
        Line(f"{what}, p99", f"{most:.0f} ms", f"<= {_P99} ms", most <= _P99),
        Line(
            "the same p99, while mail's provider answers nobody",
            f"{beside:.0f} ms",
            f"<= {_P99} ms",
            beside <= _P99,
        ),
        Line(
            "claim to signal, p50",
            f"{claimed:.1f} ms",
            f"<= {_CLAIMED_P50} ms",
            claimed <= _CLAIMED_P50,
        ),
        Line(
            "CPU of the graph for a push, beside a bare loop",
            f"{cpu.ratio:.1f} ({cpu.graph:.2f} / {cpu.bare:.2f} ms)",
            f"<= {_TIMES_BARE}",
            cpu.ratio <= _TIMES_BARE,
        ),
    ]


def _text(figures: PushFigures, lines: list[Line]) -> str:
    cpu, noise = figures.cpu, figures.noise
    table = "\n".join(map(str, lines))
    return f"""# Performance of push

{noise.warning}Written by `make bench-push` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres, Debezium, Pub/Sub, the graphs and the loopback
bus share the machine. Postgres syncs every commit.

| what | found | budget | met |
|---|---|---|---|
{table}

*Commit to signal*: {len(figures.latency.samples)} events at {figures.rate} a second, each with one notification, from the commit of the event through Debezium,
the fan-out, Debezium again and the graph of push, until the bus has read the signal. *While mail's provider answers nobody*: the same
with the graph of mail beside it, whose provider held {figures.held} requests and answered none. *Claim to signal*: from the statement that leases the
delivery. *CPU*: the process of the graph pushes signals that wait, one request each. The bare loop posts the same bodies one after
another, with one client of httpx2 on one connection; it takes {cpu.bare:.2f} ms a signal.

![How long signals took](push-performance.svg)

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet machine).
"""


def _chart(figures: PushFigures) -> pygal.XY:
    chart = pygal.XY(style=CleanStyle, height=320, width=800, dots_size=1, show_y_guides=True)
    chart.title = "Milliseconds until the bus has the signal"
    chart.x_title = "percent of the signals"
    for name, latency in (
        ("from the commit", figures.latency),
        ("from the commit, mail's provider silent", figures.beside),
        ("from the claim", figures.claimed),
    ):
        chart.add(name, [(part, latency.percentile(part / 100)) for part in range(1, 100, 2)])
    return chart
