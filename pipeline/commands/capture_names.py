"""The arguments --slot and --publication, which name what Debezium reads."""

import argparse

from pipeline.settings import CAPTURE_NAME, CaptureNames


def add_slot(command: argparse.ArgumentParser) -> None:
    """Add --slot."""
    command.add_argument(
        "--slot",
        metavar="NAME",
        help=f"Debezium's replication slot (default: SLOT_NAME, else {CAPTURE_NAME})",
    )


def add_publication(command: argparse.ArgumentParser) -> None:
    """Add --publication."""
    command.add_argument(
        "--publication",
        metavar="NAME",
        help=f"Debezium's publication (default: PUBLICATION_NAME, else {CAPTURE_NAME})",
    )


def capture_names(options: argparse.Namespace) -> CaptureNames:
    """Return the names from the arguments, else from Debezium's environment variables.

    Raises:
        ConfigurationError: Postgres does not accept such a name.
    """
    given = vars(options)
    return CaptureNames(
        slot=given.get("slot") or options.slot_name or CAPTURE_NAME,
        publication=given.get("publication") or options.publication_name or CAPTURE_NAME,
    )
