"""``job``: runs one scheduled job now."""

import argparse
import time

from pipeline.commands.command import (
    SYSTEM_USER_HELP,
    Commands,
    add_command,
    add_dry_run,
    add_parameters,
    given,
    say,
)
from pipeline.options.graph import SYSTEM_USERS
from pipeline.options.parameter import Taker
from pipeline.values import MOMENT, argument


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "job",
        _execute,
        "run one scheduled job now, whatever its schedule says",
        "python -m pipeline job meeting-reminders --dry-run",
        "python -m pipeline job meeting-reminders --now 2026-03-02T12:00Z --set lead_minutes=15",
        "python -m pipeline job retention",
        "python -m pipeline job reaction-retention --dry-run --set unrouted_days=365",
    )
    command.add_argument("job", metavar="JOB", help="its name; python -m pipeline jobs lists them")
    command.add_argument(
        "--now",
        type=argument(MOMENT),
        metavar="TIME",
        help="the time that counts as now for what is due, in ISO 8601 (default: now)",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the job, for this run; may be given several times",
    )
    add_parameters(command, Taker.JOB, SYSTEM_USERS, system_users=SYSTEM_USER_HELP)
    add_dry_run(command)


def _execute(options: argparse.Namespace) -> int:
    from functools import partial

    from pipeline.domain.clock import utc_now
    from pipeline.domain.identifiers import UserId
    from pipeline.jobs.asked import find_job, read_changes
    from pipeline.jobs.table import jobs_without
    from pipeline.ops.jobs.read import check_jobs
    from pipeline.screens.job import show_counts, show_preview
    from pipeline.sinks.dead_letters import write_dead_letters
    from pipeline.steps.run_job import JobRunner
    from pipeline.steps.runners import runners_with

    programs = given(options, Taker.JOB)[SYSTEM_USERS]
    job = find_job(options.job, jobs_without(map(UserId, programs)))
    changed = read_changes(job, options.set)
    check_jobs(options.database)
    runner = JobRunner(
        settings=options.database,
        bury=partial(write_dead_letters, options.database, None),
        runners=runners_with(options.calendar),
    )
    started = time.monotonic()
    if options.dry_run:
        counts = show_preview(runner.preview(job, now=options.now or utc_now(), changed=changed))
        reason = None
    else:
        ended = runner.run_by_hand(job, now=options.now, changed=changed)
        counts, reason = ended.run.counts, ended.reason
    show_counts(counts, time.monotonic() - started)
    if reason is not None:
        say(f"pipeline job: {job.name} failed: {reason}")
    return 1 if counts.failed or reason is not None else 0
