"""``migrate``: applies the missing migrations."""

import argparse

from pipeline.commands.command import Commands, add_command, say


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "migrate",
        _execute,
        "bring the database's schema up to date",
        "python -m pipeline migrate",
        "python -m pipeline migrate --reference-schema",
        "python -m pipeline migrate --family jobs --family mail",
    )
    command.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="the family whose tables to create; may be repeated: fanout (the default), jobs, which"
        " includes fanout, mail or push, which need no table of an application, activity, which"
        " includes push and makes activity.notifications, or kernel, which is part of every other"
        " family",
    )
    command.add_argument(
        "--reference-schema",
        action="store_true",
        help="first create the application's tables, for a database without them",
    )


def _execute(options: argparse.Namespace) -> None:
    from pipeline.ops.families import Family
    from pipeline.ops.migrate import migrate

    family, *also = map(Family.of, options.family or [Family.FANOUT])
    applied = migrate(
        options.database.dsn,
        family=family,
        also=also,
        reference_schema=options.reference_schema,
        report=say,
    )
    if not applied:
        say("the schema is up to date")
