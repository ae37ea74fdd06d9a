"""The command line, and the only place that reads the environment."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from pipeline import __version__
from pipeline.commands import (
    catch_up,
    dead_letters,
    doctor,
    migrate,
    replay,
    run,
    seed,
    status,
    why,
)
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.settings import DatabaseSettings

_COMMANDS: Final = (migrate, seed, run, catch_up, why, dead_letters, replay, status, doctor)
_ENVIRONMENT: Final = """\
environment:
  DATABASE_URL            the database: postgresql://user@host/database
  PUBSUB_EMULATOR_HOST    a Pub/Sub emulator, instead of Google's service
  LOG_LEVEL               DEBUG, INFO (the default), WARNING or ERROR
"""
_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    options = _parser().parse_args(arguments)
    # A shell that runs a script starts its background programs with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _configure_logging(os.environ.get("LOG_LEVEL", "INFO").upper())
        options.database = DatabaseSettings(dsn=os.environ.get("DATABASE_URL", ""))
        options.pubsub_emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
        exit_status: int | None = options.execute(options)
    except FanoutError as error:
        print(f"pipeline {options.name}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return exit_status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="From rows in domain_events to the notifications and e-mails they mean.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fanout {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="name", metavar="COMMAND", required=True
    )
    for command in _COMMANDS:
        command.add(commands)
    return parser


def _configure_logging(level: str) -> None:
    if level not in _LOG_LEVELS:
        raise ConfigurationError(f"LOG_LEVEL={level} is unknown: use {', '.join(_LOG_LEVELS)}")
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    if level != "DEBUG":
        # What these have to say is either noise or ends in one of our own messages.
        for name in ("apache_beam", "psycopg.pool", "google"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
