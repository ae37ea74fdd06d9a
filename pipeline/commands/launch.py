"""``run --runner=DataflowRunner``: hand the stream to Dataflow."""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from pipeline.commands.command import Commands, add_command, say

_RUNNER: Final = "DataflowRunner"
# Beam's own options that nearly every launch needs; all its others are taken as well.
_CLOUD: Final = (
    ("project", "PROJECT", "the Google Cloud project; needed"),
    ("region", "REGION", "where the job runs; needed"),
    ("temp_location", "gs://BUCKET/PATH", "for what the job stages; needed"),
    ("sdk_container_image", "IMAGE", "the image that deploy/Dockerfile makes; needed"),
    ("max_num_workers", "NUMBER", "the most workers that autoscaling may start; needed"),
    ("job_name", "NAME", "a running job is updated by its name (default: fanout)"),
    ("machine_type", "TYPE", "of the workers (default: n2-standard-2)"),
    (
        "number_of_worker_harness_threads",
        "NUMBER",
        "threads of a process (default: pool_size and 2 more)",
    ),
    ("service_account_email", "ACCOUNT", "as whom the workers run"),
    ("subnetwork", "URL", "in which the workers reach the database"),
    ("transform_name_mapping", "JSON", "for an update that renames steps: old names to new"),
)
_CLOUD_FLAGS: Final = (
    ("no_use_public_ips", "workers have private addresses only"),
    ("update", "replace the running job of this name, keeping what it has in hand"),
)


def asked_for(arguments: Sequence[str]) -> bool:
    """Whether these arguments of the program mean this command, and not the local ``run``."""
    named = f"--runner={_RUNNER}" in arguments
    apart = ("--runner", _RUNNER) in pairwise(arguments)
    return arguments[:1] == ["run"] and (named or apart)


def add(commands: Commands) -> None:
    """Add the command, in the place of the local ``run``."""
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
    command.usage = f"python -m pipeline run --runner={_RUNNER} --PARAMETER=VALUE ..."
    command.set_defaults(takes_more=True)
    command.add_argument("--runner", help=argparse.SUPPRESS)
    _add_parameters(command)
    cloud = command.add_argument_group("Google Cloud")
    for name, metavar, text in _CLOUD:
        _add(cloud, name, metavar=metavar, help=text)
    for name, text in _CLOUD_FLAGS:
        _add(cloud, name, action="store_true", help=text)
    _add(
        command,
        "dry_run",
        action="store_true",
        help="show the job that would be launched, and launch nothing",
    )


def _add_parameters(command: argparse.ArgumentParser) -> None:
    # Beam takes two seconds to import: only this command pays for it.
    from pipeline.options import PARAMETERS, Group

    groups = {group: command.add_argument_group(group) for group in Group}
    for parameter in PARAMETERS:
        default = f"default: {parameter.default or 'none'}"
        _add(
            groups[parameter.group],
            parameter.name,
            metavar="VALUE",
            help=f"{parameter.help} Example: {parameter.example}"
            f" ({'needed' if parameter.required else default})",
        )


def _add(group: Any, name: str, **about: Any) -> None:  # noqa: ANN401 - argparse has no name for it
    """Add an option as Beam and templates spell it, and unseen as our other commands do."""
    group.add_argument(f"--{name}", **about)
    if "_" in name:
        hidden = about | {"help": argparse.SUPPRESS, "default": argparse.SUPPRESS}
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, **hidden)


def _execute(options: argparse.Namespace) -> None:
    from pipeline.runtime.launch.check import console_url, notices
    from pipeline.runtime.launch.job import options_of, submit
    from pipeline.screens.launch import show

    checked = options_of([*_flags(options), *options.more])
    if options.dry_run:
        show(checked)
        return
    for notice in notices(checked):
        say(notice)
    say(f"launching {options.job_name or 'fanout'} ...")
    job_id = submit(checked)
    say(f"launched: {console_url(checked, job_id)}" if job_id else "the template is written")


def _flags(options: argparse.Namespace) -> list[str]:
    """The arguments as Beam's flags."""
    from pipeline.options import PARAMETERS

    names = [parameter.name for parameter in PARAMETERS] + [name for name, *_ in _CLOUD]
    values = {name: getattr(options, name) for name in names}
    set_flags = [f"--{name}" for name, _ in _CLOUD_FLAGS if getattr(options, name)]
    set_flags += ["--dry_run=true"] if options.dry_run else []
    return [f"--{name}={value}" for name, value in values.items() if value is not None] + set_flags
