"""The reports of the bench say the figures that they were given, and the stored ones are theirs."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bench.endurance import Endured, write_endurance_report
from bench.installation import ROOT
from bench.jobs import JOBS, SIZES, Run, write_jobs_report
from bench.jobs import Figures as JobFigures
from bench.machine import Noise
from bench.mail_report import Cpu, MailFigures, write_mail_report
from bench.measure import Latency, Throughput
from bench.outage import Outage
from bench.polling import FREQUENT, ORIGINAL
from bench.probes import Probes, Turn, write_probes_report
from bench.push_report import PushFigures, write_push_report
from bench.reaction_report import Polled, ReactionFigures, write_reaction_report
from bench.report import Figures, write_report
from bench.retention import Figures as RetentionFigures
from bench.retention import Part, write_retention_report
from pipeline.jobs.job import Counts

QUIET: Final = Noise(1.02, 1.04)
LOADED: Final = Noise(1.02, 1.75)
WARNING: Final = "**Others used the machine during this run.** "
# Hundreds of samples: percentiles 50 and 99 are the numbers themselves.
HUNDRED: Final = Latency([float(each) for each in range(1, 101)])


def reactions(
    *, rates: tuple[float, ...] = (2_400, 2_500.4, 2_600), latency: float = 12, noise: Noise = QUIET
) -> ReactionFigures:
    return ReactionFigures(
        rate=20,
        burst=20_000,
        throughput=Throughput(rates),
        whole=1_234.4,
        latency=Latency([latency] * 98 + [77.0] * 2),
        original=Polled(ORIGINAL, 2.2, 1.0, Latency([5_800.0] * 20)),
        frequent=Polled(FREQUENT, 901.0, 20.0, Latency([88.0] * 200)),
        noise=noise,
    )


def mail(noise: Noise = QUIET) -> MailFigures:
    outage = Outage(
        mails=5_000,
        asked=16,
        states=Counter(done=4_904, expired=96),
        copies=0,
        seconds=100.0,
        requests=500,
        late=0,
        accepted=[(1.0, 0), (2.0, 0), (3.0, 2)],
    )
    return MailFigures(
        rate=20,
        latency=HUNDRED,
        cpu=Cpu(graph=1.2, bare=0.5),
        digest_rows=500,
        digest=7.1,
        outage=outage,
        noise=noise,
    )


def push(noise: Noise = QUIET) -> PushFigures:
    return PushFigures(
        rate=20,
        latency=HUNDRED,
        claimed=Latency([4.0] * 100),
        beside=HUNDRED,
        held=16,
        cpu=Cpu(graph=0.5, bare=0.4),
        noise=noise,
    )


def fanout() -> Figures:
    rates = Throughput([5_000.0, 5_100.0, 5_200.0])
    return Figures(
        catch_up=rates,
        raw=rates,
        polling=Throughput([100.0] * 3),
        stream=rates,
        steady=HUNDRED,
        end_to_end=HUNDRED,
        noise=QUIET,
        seconds=84.0,
    )


def jobs() -> list[JobFigures]:
    run = Run(Counts(scanned=1_000, emitted=900), 2, 0.5)
    return [
        JobFigures(measured=job, size=size, first=run, again=run, old=run, raw=0.2)
        for size in SIZES
        for job in JOBS
    ]


def retention() -> RetentionFigures:
    return RetentionFigures(
        rows=10_000_000,
        row_bytes=200.0,
        alone=Part([10.0] * 8_400),
        beside=Part([12.0] * 20_000),
        counts={"seconds": 90.0},
        noise=QUIET,
        load=0.4,
    )


def write_probes(path: Path) -> bool:
    turns = {name: [Turn(gone=1.0, back=2.0)] for name in ("a graph", "Debezium", "the database")}
    probes = Probes(url="http://127.0.0.1", token="", asked=700, slowest=0.1)
    return write_probes_report(
        path, [(HUNDRED, HUNDRED)], turns, probes=probes, cpu=0.002, noise=QUIET
    )


WRITERS: Final[dict[str, Callable[[Path], object]]] = {
    "performance": lambda path: write_report(path, fanout()),
    "jobs-performance": lambda path: write_jobs_report(path, jobs(), QUIET),
    "mail-performance": lambda path: write_mail_report(path, mail()),
    "push-performance": lambda path: write_push_report(path, push()),
    "reactions-performance": lambda path: write_reaction_report(path, reactions()),
    "retention-performance": lambda path: write_retention_report(path, retention()),
    "probes-performance": write_probes,
    "endurance": lambda path: write_endurance_report(path, Endured([180.0] * 8, 1_080_000, 3_600)),
}


def without_figures(report: str) -> list[str]:
    """Return the lines of a report without what differs from run to run."""
    report = report.replace(WARNING, "")
    report = re.sub(r"\d+ cores of .*?, \d+ GB, \w+, Python [\d.]+", "MACHINE", report)
    report = re.sub(r"\d(?:[\d.,]*\d)?", "#", report)
    report = re.sub(r"\| *(yes|\*\*no\*\*)? *\|$", "| MET |", report, flags=re.MULTILINE)
    return re.sub(r"\*\*not kept\*\*|\bkept\b|Met\b|\*\*Not met\*\*", "MET", report).splitlines()


@pytest.mark.parametrize("name", WRITERS)
def test_a_stored_report_is_what_its_command_writes_but_for_the_figures(
    name: str, tmp_path: Path
) -> None:
    WRITERS[name](tmp_path / f"{name}.md")
    written = without_figures((tmp_path / f"{name}.md").read_text())
    assert without_figures((ROOT / "docs" / f"{name}.md").read_text()) == written


def test_every_report_of_figures_has_its_writer_here() -> None:
    stored = {path.stem for path in (ROOT / "docs").glob("*performance.md")}
    assert stored == WRITERS.keys() - {"endurance"}


def test_the_report_of_reactions_says_each_figure_and_whether_budgets_are_met(
    tmp_path: Path,
) -> None:
    path = tmp_path / "reactions-performance.md"
    assert write_reaction_report(path, reactions())
    written = path.read_text()
    for line in (
        "| events/s through the graph | 2,500 (2,400, 2,500, 2,600) | >= 2,000 | yes |",
        "| commit to task at 20/s, Debezium included, p50 | 12 ms | <= 20 ms | yes |",
        "| polls every 10 s, 20 rows; at 1/s | 2 | 5,800 ms | 5,800 ms |",
        "| polls every 0.1 s, 500 rows; at 20/s | 901 | 88 ms | 88 ms |",
        "from the commit of the burst: 1,234 events/s. *Commit to task*: 100 events,",
        "*Events/s*: 20,000 events of four types",
        "99 of 100 within 77 ms.",
        "varied by a factor of 1.02 before and 1.04 after",
    ):
        assert line in written
    assert WARNING not in written
    chart = path.with_suffix(".svg").read_text()
    assert all(name in chart for name in ("reactions", "polling every 0.1 s", "polling every 10 s"))


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        (reactions(rates=(1_999.0,)), "| events/s through the graph | 1,999 (1,999) | >= 2,000 |"),
        (reactions(latency=20.4), "Debezium included, p50 | 20 ms | <= 20 ms |"),
    ],
)
def test_a_budget_that_is_not_met_is_told(
    figures: ReactionFigures, line: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.md"
    assert not write_reaction_report(path, figures)
    assert f"{line} **no** |" in path.read_text()


def test_a_report_says_if_others_used_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write_reaction_report(path, reactions(noise=LOADED))
    assert f"\n\n{WARNING}Written by `make bench-reactions`" in path.read_text()
    write_mail_report(path, mail(LOADED))
    assert f"\n\n{WARNING}Written by `make bench-mail MAILS=5000`" in path.read_text()
    write_push_report(path, push(LOADED))
    assert f"\n\n{WARNING}Written by `make bench-push`" in path.read_text()
