"""Prints the scheduled jobs in a terminal."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from pipeline.domain.units import counted, duration, moment
from pipeline.jobs.job import Counts
from pipeline.ops.jobs.read import JobSeen, LastRun
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console


def show_jobs(jobs: Sequence[JobSeen], left_out: Mapping[str, str]) -> None:
    """Print each job with its schedule, its next run and its last run.

    Args:
        jobs: that run here.
        left_out: those that do not, each with the family that is missing.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for job in jobs:
        table.add_row(job.name, Text("\n").join(_lines(job)))
    for name, family in left_out.items():
        table.add_row(name, Text(f"does not run here: the family {family} is not installed", "dim"))
    open_console().print(table)


def _lines(job: JobSeen) -> list[Text]:
    due = f"{job.schedule}; next {moment(job.next_at)}"
    lines = [Text(due)]
    if job.paused_by is not None and job.paused_since is not None:
        waiting = f", {counted(job.waiting, 'run')} waiting" if job.waiting else ""
        since = moment(job.paused_since)
        lines.append(Text(f"paused since {since} by {printable(job.paused_by)}{waiting}", "yellow"))
    if job.overdue:
        lines.append(Text("has not succeeded for two of its periods", "red"))
    lines.append(Text("has never run here") if job.last is None else _last(job.last))
    return lines


def _last(run: LastRun) -> Text:
    by_hand = " by hand" if run.by_hand else ""
    shown = f"last run{by_hand} {moment(run.started_at)}: {_state(run)}; {_counts(run.counts)}"
    reason = f"\n{printable(run.reason)}" if run.reason else ""
    return Text(f"{shown}{reason}", "red" if run.state == "dead" else "")


def _state(run: LastRun) -> str:
    if run.state == "leased":
        return f"running for {duration(run.seconds)}"
    if run.next_attempt_at is not None:
        return f"failed, next try {moment(run.next_attempt_at)}"
    if run.state == "dead":
        return f"failed for good after {counted(run.attempts, 'try', 'tries')}"
    return f"{run.state} in {duration(run.seconds)}"


def _counts(counts: Counts) -> str:
    return (
        f"{counts.scanned:,} scanned, {counts.due:,} due, {counts.emitted:,} emitted,"
        f" {counts.skipped:,} skipped, {counts.failed:,} failed"
    )
