"""The arguments that name what Debezium reads, and what they come to."""

import argparse

from pipeline.settings import CAPTURE_NAME, CaptureNames


def add_slot(command: argparse.ArgumentParser) -> None:
    """Let the replication slot be named."""
    command.add_argument(
        "--slot",
        metavar="NAME",
        help=f"Debezium's replication slot (default: SLOT_NAME, else {CAPTURE_NAME})",
    )


def add_publication(command: argparse.ArgumentParser) -> None:
    """Let the publication be named."""
    command.add_argument(
        "--publication",
        metavar="NAME",
        help=f"Debezium's publication (default: PUBLICATION_NAME, else {CAPTURE_NAME})",
    )


def capture_names(options: argparse.Namespace) -> CaptureNames:
    """What was given, else what the environment has, as for Debezium.

    Raises:
        ConfigurationError: Postgres would not take such a name.
    """
    given = vars(options)
    return CaptureNames(
        slot=given.get("slot") or options.slot_name or CAPTURE_NAME,
        publication=given.get("publication") or options.publication_name or CAPTURE_NAME,
    )
