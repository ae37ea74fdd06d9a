"""``jobs``: lists the scheduled jobs."""

import argparse

from pipeline.commands.command import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "jobs",
        _execute,
        "list the scheduled jobs: when each is due, and its last run",
        "python -m pipeline jobs",
        "python -m pipeline jobs --json",
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.jobs.read import list_jobs, list_left_out
    from pipeline.output import print_json
    from pipeline.screens.jobs import show_jobs

    jobs = list_jobs(options.database)
    if options.json:
        print_json(orjson.dumps({"jobs": jobs}, option=orjson.OPT_UTC_Z).decode())
    else:
        show_jobs(jobs, list_left_out(options.database))
