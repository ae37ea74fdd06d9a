"""``run --runner=DataflowRunner``: launches the stream on Dataflow."""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from pipeline.commands.command import Commands, add_command, say
from pipeline.options.cloud import CLOUD
from pipeline.options.graph import DATAFLOW_RUNNER
from pipeline.options.parameter import ParameterGroup, Taker
from pipeline.options.table import PARAMETERS


def is_launch(arguments: Sequence[str]) -> bool:
    """Return whether these arguments mean this command, not the local ``run``."""
    named = f"--runner={DATAFLOW_RUNNER}" in arguments
    apart = ("--runner", DATAFLOW_RUNNER) in pairwise(arguments)
    return arguments[:1] == ["run"] and (named or apart)


def add(commands: Commands) -> None:
    """Add the command in place of the local ``run``."""
    command = add_command(
        commands,
        "run",
        _execute,
        "launch the stream on Dataflow",
        "python -m pipeline run --runner=DataflowRunner --project=P --region=europe-west1 \\",
        "    --subscription=projects/P/subscriptions/fanout-pipeline ... --dry_run",
        "make launch PROJECT=P ...          # from the flex template, as in production",
    )
    command.allow_abbrev = False
    command.usage = f"python -m pipeline run --runner={DATAFLOW_RUNNER} --PARAMETER=VALUE ..."
    command.set_defaults(takes_more=True)
    command.add_argument("--runner", help=argparse.SUPPRESS)
    _add_parameters(command)
    cloud = command.add_argument_group("Google Cloud")
    for each in CLOUD:
        if each.metavar:
            needed = "; needed" if each.example else ""
            _add(cloud, each.name, metavar=each.metavar, help=f"{each.help}{needed}")
        else:
            _add(cloud, each.name, action="store_true", help=each.help)
    _add(
        command,
        "dry_run",
        action="store_true",
        help="show the job that would be launched, and launch nothing",
    )


def _add_parameters(command: argparse.ArgumentParser) -> None:
    groups = {group: command.add_argument_group(group) for group in ParameterGroup}
    for parameter in PARAMETERS:
        needed = Taker.LAUNCH in parameter.needed_by
        default = f"default: {parameter.default_text or 'none'}"
        _add(
            groups[parameter.group],
            parameter.name,
            metavar="VALUE",
            help=f"{parameter.help} Example: {parameter.shown} ({'needed' if needed else default})",
        )


def _add(group: Any, name: str, **about: Any) -> None:  # noqa: ANN401 - argparse has no name for it
    """Add an option with underscores, as Beam spells it, and a hidden one with dashes."""
    group.add_argument(f"--{name}", **about)
    if "_" in name:
        hidden = about | {"help": argparse.SUPPRESS, "default": argparse.SUPPRESS}
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, **hidden)


def _execute(options: argparse.Namespace) -> None:
    from pipeline.runtime.launch.check import console_url, job_name, notices
    from pipeline.runtime.launch.job import options_of, submit
    from pipeline.screens.launch import show

    checked = options_of([*_flags(options), *options.more])
    if options.dry_run:
        show(checked)
        return
    for notice in notices(checked):
        say(notice)
    say(f"launching {job_name(checked)} ...")
    job_id = submit(checked)
    say(f"launched: {console_url(checked, job_id)}" if job_id else "the template is written")


def _flags(options: argparse.Namespace) -> list[str]:
    """Return the arguments as Beam's flags."""
    named = [each.name for each in PARAMETERS] + [each.name for each in CLOUD if each.metavar]
    values = {name: getattr(options, name) for name in named}
    flags = [f"--{name}={value}" for name, value in values.items() if value is not None]
    flags += [
        f"--{each.name}" for each in CLOUD if not each.metavar and getattr(options, each.name)
    ]
    return [*flags, "--dry_run=true"] if options.dry_run else flags
