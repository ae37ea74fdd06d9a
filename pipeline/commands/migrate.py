"""``migrate``: applies the missing migrations."""

import argparse
from typing import Final

from pipeline.commands.command import Commands, add_command, say

_VARIABLE: Final = "REACTION_TABLES"


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
        "python -m pipeline migrate --family reactions --table events=public.events",
        "python -m pipeline migrate --family reactions --table events=",
    )
    command.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="the family whose tables to create; may be given several times: fanout; jobs, which"
        " includes fanout; mail, push or reactions, which need no tables of an application;"
        " activity, which includes push and creates activity.notifications; or kernel, which every"
        " other family includes (default: the families that the database has; fanout if it has"
        " none)",
    )
    command.add_argument(
        "--table",
        action="append",
        metavar="NAME=SCHEMA.TABLE",
        help=f"use this table of the application instead of our table reactions.NAME; NAME= uses"
        f" ours again, empty; may be given several times (default: {_VARIABLE}, with commas between"
        f" them)",
    )
    command.add_argument(
        "--reference-schema",
        action="store_true",
        help="first create the application's tables, for a database without them",
    )


def _execute(options: argparse.Namespace) -> None:
    from pipeline.ops.families import Family
    from pipeline.ops.migrate import installed_families, migrate
    from pipeline.ops.own_tables.given import read_tables

    if options.family:
        family, *also = map(Family.of, options.family)
    elif options.reference_schema:
        family, also = Family.FANOUT, []
    else:
        family, *also = installed_families(options.database.dsn)
    tables = read_tables(options.table or ())
    if Family.REACTIONS in (family, *also) and not tables:
        tables = read_tables(options.variables([_VARIABLE])[_VARIABLE].split(","))
    applied = migrate(
        options.database.dsn,
        family=family,
        also=also,
        reference_schema=options.reference_schema,
        tables=tables,
        report=say,
    )
    if not applied:
        say("the schema is up to date")
