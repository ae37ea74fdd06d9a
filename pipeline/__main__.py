"""The command line, and the only place that reads the environment.

Commands import what they need when they are called: help must not wait for Beam.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from pipeline import __version__
from pipeline.domain.errors import ConfigurationError, FanoutError

_LOCAL_RUNNERS: Final = ("DirectRunner", "FnApiRunner")
_SUBSCRIPTION: Final = "projects/P/subscriptions/S"
_TOPIC: Final = "projects/P/topics/T"
_ENVIRONMENT: Final = """\
environment:
  DATABASE_URL            the database: postgresql://user@host/database
  PUBSUB_EMULATOR_HOST    a Pub/Sub emulator, instead of Google's service
  LOG_LEVEL               DEBUG, INFO (the default), WARNING or ERROR
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        _configure_logging(os.environ.get("LOG_LEVEL", "INFO"))
        command(options)
    except FanoutError as error:
        print(f"pipeline {options.name}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _migrate(options: argparse.Namespace) -> None:
    from pipeline.ops.migrate import migrate

    migrate(_database_url(), reference_schema=options.reference_schema, report=_say)


def _seed(options: argparse.Namespace) -> None:
    from pipeline.ops.seed import clear, seed

    if options.clear:
        _say(f"removed {clear(_database_url())} events and everything else that was seeded")
    else:
        seed(_database_url(), report=_say)


def _run(options: argparse.Namespace) -> None:
    if options.runner not in _LOCAL_RUNNERS:
        raise ConfigurationError(
            f"--runner {options.runner} is not known here: use one of {', '.join(_LOCAL_RUNNERS)}"
        )
    from pipeline.domain.decide import Policy
    from pipeline.handlers import HANDLERS
    from pipeline.ops.stream import run_stream
    from pipeline.settings import DatabaseSettings, PubSubSettings
    from pipeline.topology import Topology

    topology = Topology(
        database=DatabaseSettings(dsn=_database_url()),
        handlers=HANDLERS,
        policy=Policy(max_event_age=timedelta(hours=options.max_event_age_hours)),
        dead_letter_topic=options.dead_letter_topic,
        batch_size=options.batch_size,
        dry_run=options.dry_run,
    )
    run_stream(
        topology,
        PubSubSettings(subscription=options.subscription, acknowledge=not options.dry_run),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="From rows in domain_events to the notifications and e-mails they mean.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fanout {__version__}")
    commands = parser.add_subparsers(title="commands", dest="name", required=True)

    migrate = _command(
        commands, "migrate", _migrate, "bring the database's schema up to date",
        "python -m pipeline migrate --reference-schema",
    )  # fmt: skip
    migrate.add_argument(
        "--reference-schema",
        action="store_true",
        help="first create the application's tables, for a database that has none",
    )

    seed = _command(
        commands, "seed", _seed, "insert sample people, projects, threads and events",
        "python -m pipeline seed", "python -m pipeline seed --clear",
    )  # fmt: skip
    seed.add_argument(
        "--clear", action="store_true", help="remove what was seeded, and what followed from it"
    )

    run = _command(
        commands, "run", _run, "turn events into notifications and e-mails until stopped",
        f"python -m pipeline run --subscription {_SUBSCRIPTION} --dead-letter-topic {_TOPIC}",
        f"python -m pipeline run --subscription {_SUBSCRIPTION} --dry-run",
    )  # fmt: skip
    run.add_argument(
        "--subscription", required=True, metavar=_SUBSCRIPTION, help="where events come from"
    )
    run.add_argument(
        "--dead-letter-topic",
        metavar=_TOPIC,
        help="where events that cannot be processed go, besides the table event_dead_letters",
    )
    run.add_argument(
        "--runner",
        default="DirectRunner",
        help="DirectRunner (the default): on this machine, in this process",
    )
    run.add_argument(
        "--max-event-age-hours",
        type=float,
        default=24,
        metavar="HOURS",
        help="older events are recorded as expired (default: %(default)s)",
    )
    run.add_argument(
        "--batch-size",
        type=int,
        default=500,
        metavar="EVENTS",
        help="the most events written in one statement (default: %(default)s)",
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be written, one JSON object a line; write and acknowledge nothing",
    )
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    function: Callable[[argparse.Namespace], None],
    description: str,
    *examples: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=description,
        description=f"{description[0].upper()}{description[1:]}.",
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=function)
    return command


def _database_url() -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        raise ConfigurationError(
            "DATABASE_URL is not set: export DATABASE_URL=postgresql://user@host/database"
        )
    return url


def _configure_logging(level: str) -> None:
    if level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ConfigurationError(f"LOG_LEVEL={level} is unknown: use DEBUG, INFO, WARNING or ERROR")
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    if level.upper() != "DEBUG":
        # What these have to say is either noise or ends in one of our own messages.
        for name in ("apache_beam", "psycopg.pool", "google"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - progress is what the person is waiting for


if __name__ == "__main__":
    sys.exit(main())
