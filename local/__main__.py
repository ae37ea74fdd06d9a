"""The embedded stack on the command line: `python -m local --help`."""

import os

# Read when gRPC's C core is loaded. Its own log lines help nobody here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import argparse
import shlex
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Never

from local.errors import ForeignEmulator, StackError
from local.ports import is_listening, owner_of, usual_port
from local.provider import LocalResend
from local.push_provider import LocalPush
from local.stack import Stack
from pipeline.output import OutputLost, safe_output
from pipeline.screens.terminal import open_console

_DATA_DIR = Path(__file__).parents[1] / ".local"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        with safe_output():
            parser = _parser()
            options = parser.parse_args(arguments)
            if options.run is None:
                parser.print_help(sys.stderr)
                return 2
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
    """Run the stack in the foreground until SIGINT or SIGTERM; write .local/env for a shell."""
    _interrupt_on_signals()
    if options.emulator is None:
        _refuse_foreign_emulator()
    stack = Stack(
        options.data_dir,
        report=_say,
        emulator=options.emulator,
        usual_ports=True,
        service=True,
        resend=LocalResend(options.data_dir / "mails", port=usual_port(options.data_dir, "resend")),
        push=LocalPush(
            options.data_dir / "pushes",
            bus_port=usual_port(options.data_dir, "bus"),
            page_port=usual_port(options.data_dir, "page"),
            fcm_port=usual_port(options.data_dir, "fcm"),
        ),
    )
    try:
        stack.start()
        path = stack.write_environment()
        if not sys.stdout.isatty():
            # Only for a program: a screen should not show passwords.
            sys.stdout.write(stack.exports())
            sys.stdout.flush()
        _say(f"Everything is up; Ctrl-C stops it. In another terminal: . {_shortest(path)}")
        stack.watch(Event())
    except KeyboardInterrupt:
        _say("Stopping ...")
    finally:
        # A second Ctrl-C must not leave a part running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stack.stop()
    return 0


def demo(options: argparse.Namespace) -> int:
    """Send sample events through all parts, show what everyone received, and stop."""
    from local.demo import run_demo

    _interrupt_on_signals()
    try:
        run_demo(options.data_dir / "demo", options.data_dir / "demo-mails", open_console())
    except KeyboardInterrupt:
        _say("Stopped.")
        return 130
    return 0


def clean(options: argparse.Namespace) -> int:
    """Delete everything that earlier runs kept."""
    for data_dir in (options.data_dir / "demo", options.data_dir):
        Stack(data_dir).remove()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="The whole installation but the graphs on this machine, from wheels alone.",
        epilog="example: python -m local up --data-dir /tmp/fanout",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data-dir",
        type=Path,
        default=_DATA_DIR,
        help="where data and logs are kept (default: .local in the repository)",
    )
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for run, summary in (
        (up, "run the stack in the foreground and print the environment to use"),
        (demo, "send sample events through all parts and show what everyone received"),
        (clean, "delete everything that earlier runs kept"),
    ):
        command = commands.add_parser(
            run.__name__,
            parents=[shared],
            help=summary,
            description=run.__doc__,
            epilog=f"example: python -m local {run.__name__} --data-dir /tmp/fanout",
        )
        command.set_defaults(run=run)
        if run is up:
            command.add_argument(
                "--emulator",
                metavar="HOST:PORT",
                help="use the Pub/Sub emulator at this address instead of starting one",
            )
    return parser


def _refuse_foreign_emulator() -> None:
    """Refuse to start a second emulator while the one in PUBSUB_EMULATOR_HOST runs.

    Raises:
        ForeignEmulator: An emulator listens at that address.
    """
    address = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not address:
        return
    if is_listening(address):
        raise ForeignEmulator(address, owner_of(address))
    _say(f"PUBSUB_EMULATOR_HOST={address} is set, but nothing listens there: starting a new one")


def _shortest(path: Path) -> str:
    """Return the shortest path for a shell; the shell's ``.`` command needs a slash in it."""
    resolved = path.resolve()
    if not resolved.is_relative_to(Path.cwd()):
        return shlex.quote(str(resolved))
    relative = str(resolved.relative_to(Path.cwd()))
    return shlex.quote(relative if "/" in relative else f"./{relative}")


def _interrupt_on_signals() -> None:
    """Let Ctrl-C work even if the shell that started us ignores it, as a script's shell does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and errors


if __name__ == "__main__":
    sys.exit(main())
