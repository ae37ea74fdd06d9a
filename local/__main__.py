"""The embedded stack on the command line: `python -m local --help`."""

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Never

from local.errors import StackError
from local.stack import Stack
from pipeline.ops.terminal import open_console
from pipeline.output import OutputLost, safe_output

_DATA_DIR = Path(__file__).parents[1] / ".local"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        with safe_output():
            options = _parser().parse_args(arguments)
            try:
                status: int = options.run(options)
            except StackError as error:
                _say(str(error))
                return 1
    except OutputLost as error:
        if reason := str(error):
            _say(reason)
        return 1
    except OSError as error:
        _say(str(error))
        return 1
    return status


def up(options: argparse.Namespace) -> int:
    """Run the stack in the foreground until SIGINT or SIGTERM."""
    _interrupt_on_signals()
    given = os.environ.get("PUBSUB_EMULATOR_HOST")
    stack = Stack(options.data_dir, report=_say, emulator=given)
    try:
        stack.start()
        for name, value in stack.environment().items():
            print(f"export {name}={shlex.quote(value)}")  # noqa: T201 - this is its output
        sys.stdout.flush()
        _say("Everything is up: use the lines above in another terminal; Ctrl-C stops it.")
        stack.watch(Event())
    except KeyboardInterrupt:
        _say("Stopping ...")
    finally:
        # A second Ctrl-C must not leave parts behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stack.stop()
    return 0


def demo(options: argparse.Namespace) -> int:
    """Send sample events through all parts, show what everyone received, stop."""
    from local.demo import run_demo

    _interrupt_on_signals()
    try:
        run_demo(options.data_dir / "demo", open_console())
    except KeyboardInterrupt:
        _say("Stopped.")
        return 130
    return 0


def clean(options: argparse.Namespace) -> int:
    """Delete everything an earlier run has kept."""
    for data_dir in (options.data_dir / "demo", options.data_dir):
        Stack(data_dir).remove()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Postgres, Debezium and Pub/Sub on this machine, from wheels alone.",
        epilog="example: python -m local up --data-dir /tmp/fanout",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data-dir",
        type=Path,
        default=_DATA_DIR,
        help="where data and logs are kept (default: .local in the repository)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, summary in (
        (up, "run the stack in the foreground and print the environment to use"),
        (demo, "send sample events through all parts and show what everyone received"),
        (clean, "delete everything an earlier run has kept"),
    ):
        command = commands.add_parser(
            run.__name__,
            parents=[shared],
            help=summary,
            description=run.__doc__,
            epilog=f"example: python -m local {run.__name__} --data-dir /tmp/fanout",
        )
        command.set_defaults(run=run)
    return parser


def _interrupt_on_signals() -> None:
    """Let Ctrl-C work even where the shell that started us ignores it, as one in a script does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and errors


if __name__ == "__main__":
    sys.exit(main())
