"""``budget``: shows what other quiet hours and budgets would have done to pushes."""

import argparse
from datetime import timedelta

from pipeline.commands.command import Commands, add_command
from pipeline.values import DURATION, argument


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "budget",
        _execute,
        "show what other quiet hours and budgets would have done to the pushes of the last days",
        "python -m pipeline budget --simulate 7d",
        "python -m pipeline budget --simulate 7d --per-hour 4 --per-day 20 --quiet 21-09",
        "python -m pipeline budget --simulate 24h --json",
    )
    command.add_argument(
        "--simulate",
        required=True,
        type=argument(DURATION),
        metavar="PERIOD",
        help="the period that ends now, such as 24h or 7d",
    )
    command.add_argument("--per-hour", type=int, metavar="N", help="pushes to a person in an hour")
    command.add_argument("--per-day", type=int, metavar="N", help="pushes to a person in 24 hours")
    command.add_argument(
        "--quiet", metavar="HOURS", help="quiet hours of people, such as 22-08; 0-0: none"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.budget.simulate import TriedSetting, quiet_hours_of, simulate_budget
    from pipeline.output import print_json
    from pipeline.screens.budget import show_simulated

    period: timedelta = options.simulate
    setting = TriedSetting(
        per_hour=options.per_hour,
        per_day=options.per_day,
        quiet=None if options.quiet is None else quiet_hours_of(options.quiet),
    )
    simulated = simulate_budget(options.database, period, setting)
    if options.json:
        print_json(orjson.dumps(simulated).decode())
    else:
        show_simulated(simulated, period)
