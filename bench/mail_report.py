"""The report of mail: every figure with its budget, and a chart of what came after the outage."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine
from bench.charts import CleanStyle, pygal
from bench.measure import Latency
from bench.outage import BEHIND, LIMIT, Outage
from bench.report import Line

# The budgets: milliseconds, a ratio, milliseconds, a share.
_P50: Final = 60
_P99: Final = 200
_TIMES_BARE: Final = 4
_DIGEST: Final = 20
_CRITICAL_FIRST: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """Milliseconds of CPU for one mail: of the process that runs the graph, and of a bare loop."""

    graph: float
    bare: float

    @property
    def ratio(self) -> float:
        """How often the bare loop fits in."""
        return self.graph / self.bare


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFigures:
    """The results of one run.

    Attributes:
        rate: events a second while the latency was measured.
        latency: from the commit of an event to the provider.
        digest: milliseconds of CPU for one of ``digest_rows`` rows.
    """

    rate: int
    latency: Latency
    cpu: Cpu
    digest_rows: int
    digest: float
    outage: Outage
    noise: machine.Noise


def write_mail_report(path: Path, figures: MailFigures) -> bool:
    """Write the report and its chart; return whether all budgets are met."""
    lines = _lines(figures)
    path.write_text(_text(figures, lines))
    _chart(figures.outage).render_to_file(str(path.with_suffix(".svg")))
    return all(line.met for line in lines)


def _lines(figures: MailFigures) -> list[Line]:
    cpu, digest, outage = figures.cpu, figures.digest, figures.outage
    half, most = figures.latency.percentile(0.5), figures.latency.percentile(0.99)
    ended = ", ".join(f"{count:,} {state}" for state, count in sorted(outage.states.items()))
    return [
        Line(
            f"commit to accepted at {figures.rate}/s, p50",
            f"{half:.0f} ms",
            f"<= {_P50} ms",
            half <= _P50,
        ),
        Line(
            f"commit to accepted at {figures.rate}/s, p99",
            f"{most:.0f} ms",
            f"<= {_P99} ms",
            most <= _P99,
        ),
        Line(
            "CPU of the graph for a mail, beside a bare loop",
            f"{cpu.ratio:.1f} ({cpu.graph:.2f} / {cpu.bare:.2f} ms)",
            f"<= {_TIMES_BARE}",
            cpu.ratio <= _TIMES_BARE,
        ),
        Line(
            f"a digest of {figures.digest_rows} rows, CPU",
            f"{digest:.1f} ms",
            f"<= {_DIGEST} ms",
            digest <= _DIGEST,
        ),
        Line(
            f"outage: how {outage.mails:,} mails ended",
            f"{ended}; {outage.copies} came twice",
            "done once, or expired",
            outage.is_exact,
        ),
        Line(
            "after it, requests/s",
            f"{outage.rate:.1f}",
            f"0.8 to 1.1 x {LIMIT:.0f}",
            0.8 * LIMIT <= outage.rate <= 1.1 * LIMIT,
        ),
        Line(
            "after it, critical ones among the first",
            f"{outage.critical_first:.0%}",
            f">= {_CRITICAL_FIRST:.0%}",
            outage.critical_first >= _CRITICAL_FIRST,
        ),
    ]


def _text(figures: MailFigures, lines: list[Line]) -> str:
    cpu, outage, noise = figures.cpu, figures.outage, figures.noise
    table = "\n".join(map(str, lines))
    return f"""# Performance of mail

{noise.warning}Written by `make bench-mail MAILS={outage.mails}` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres, Debezium, Pub/Sub, both
graphs and the loopback provider share the machine. Postgres syncs every commit.

| what | found | budget | met |
|---|---|---|---|
{table}

*Commit to accepted*: {len(figures.latency.samples)} events at {figures.rate} a second, each with one immediate mail, from the commit of the event through Debezium,
the fan-out, Debezium again and the graph of mail. *CPU*: the process of the graph sends mails that wait, one request each. The bare
loop posts the same bodies one after another, with one client of httpx2 on one connection; it takes {cpu.bare:.2f} ms a mail.
*Outage*: the provider answers 503 for an hour of a clock that is moved by 5 minutes at a time. The graph made {outage.asked:,} requests
in that hour. Of four mails one is critical, and one in 50 runs out within half an hour. Afterwards it sent the rest in
{outage.seconds:.0f} s of real time, in batches, at the {LIMIT:.0f} requests a second that the provider allows. Four of five slots of a
claim go to critical mails while there are any. A worker claims 100 mails at a time.

{outage.late:,} mails that are not critical came more than {BEHIND} places behind their rank. A mail that is given back keeps its rank;
one that failed for itself waits for its next try.

![Mails after the outage](mail-performance.svg)

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet machine).
"""


def _chart(outage: Outage) -> pygal.XY:
    chart = pygal.XY(style=CleanStyle, height=320, width=800, dots_size=1, show_y_guides=True)
    chart.title = "Mails accepted after the outage"
    chart.x_title = "seconds"
    for priority, name in enumerate(("critical", "high", "normal", "low")):
        times = [after for after, each in outage.accepted if each == priority]
        step = max(1, len(times) // 30)
        chart.add(name, [(after, n + 1) for n, after in enumerate(times) if n % step == 0])
    return chart
