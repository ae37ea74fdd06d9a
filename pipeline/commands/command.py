"""Adds a command to the command line, and arguments that several commands share."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pipeline.options.parameter import Parameter, ParameterValues, Taker
from pipeline.options.table import taken_by
from pipeline.values import argument

# For one flag per profile. The declaration's help is about a list.
SYSTEM_USER_HELP: Final = "a profile that is a program, not a person, and is never told anything"
# argparse has no public name for the result of add_subparsers.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def add_command(
    commands: Commands,
    name: str,
    execute: Callable[[argparse.Namespace], int | None] | None,
    summary: str,
    *examples: str,
    needs_database: bool = True,
) -> argparse.ArgumentParser:
    """Add a command. ``execute`` may return an exit status.

    Without ``execute`` the command is a group of other commands, and alone it shows its help.
    """
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = None if execute else command
    command.set_defaults(
        execute=execute, group=group, takes_more=False, needs_database=needs_database
    )
    return command


def add_parameters(
    command: "argparse._ActionsContainer",
    taker: Taker,
    *parameters: Parameter[Any],
    **words: str,
) -> None:
    """Add parameters to a command, as flags with dashes.

    Args:
        command: the command, or a group of its arguments.
        taker: the command's name in the declarations of the parameters.
        parameters: the parameters.
        words: for some parameters, by name, a help that says what this command does with them.
    """
    for each in parameters:
        if taker not in each.takers:
            raise ValueError(f"{each.name} is not declared for {taker}")
        help_text = words.get(each.name) or f"{each.help[0].lower()}{each.help[1:-1]}"
        if each.repeated:
            command.add_argument(
                f"--{each.repeated}",
                dest=each.name,
                type=argument(each.kind),
                action="extend",
                default=[],
                metavar=each.metavar,
                help=f"{help_text}; may be given several times",
            )
            continue
        default = each.default_text
        command.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=argument(each.kind),
            required=taker in each.needed_by,
            default=each.default,
            metavar=each.metavar,
            help=help_text if default is None else f"{help_text} (default: {default})",
        )


def add_dry_run(command: argparse.ArgumentParser) -> None:
    """Add --dry-run."""
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be written, one JSON object a line, and change nothing",
    )


def given(options: argparse.Namespace, taker: Taker) -> ParameterValues:
    """Return the values of the parameters that a command accepts."""
    found = vars(options)
    return ParameterValues(
        {
            each.name: frozenset(found[each.name]) if each.repeated else found[each.name]
            for each in taken_by(taker)
        }
    )


def say(line: str) -> None:
    """Print a line for the person on standard error. Standard output is for programs."""
    print(line, file=sys.stderr)  # noqa: T201 - the one place where a command prints to a person
