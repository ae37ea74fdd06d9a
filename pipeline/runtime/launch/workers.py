"""Check the connections before a running job gets more workers, for ``make workers``.

``python -m pipeline.runtime.launch.workers --workers=9`` accepts the arguments of ``make launch``.
It connects neither to the job nor to the database.
"""

import argparse
import sys
from collections.abc import Sequence

from pipeline.domain.errors import ConfigurationError
from pipeline.options.cloud import MACHINE_TYPE
from pipeline.options.database import DATABASE_CONNECTIONS, POOL_SIZE
from pipeline.options.parameter import ParameterValues, read
from pipeline.runtime.launch.budget import ONE_PROCESS, Budget, vcpus
from pipeline.values import WORKERS, argument


def budget(workers: int, parameters: Sequence[str], flags: Sequence[str]) -> Budget:
    """Return the connections that a job with this number of workers may open.

    Args:
        workers: the new number.
        parameters: lists in the form of gcloud's ``--parameters``.
        flags: other flags of gcloud. Unrelated flags are ignored.

    Raises:
        ConfigurationError: an argument is invalid.
    """
    given = _counted(parameters)
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--worker-machine-type", default=MACHINE_TYPE)
    parser.add_argument("--additional-experiments", action="append", default=[])
    known, _ = parser.parse_known_args(flags)
    experiments = ",".join(known.additional_experiments).split(",")
    return Budget(
        workers=workers,
        processes=1 if ONE_PROCESS in experiments else vcpus(known.worker_machine_type),
        pool_size=given[POOL_SIZE],
        granted=given[DATABASE_CONNECTIONS],
    )


def _counted(parameters: Sequence[str]) -> ParameterValues:
    counted = (POOL_SIZE, DATABASE_CONNECTIONS)
    texts = {each.name: each.default_text or "" for each in counted}
    return read(counted, texts | dict(_named(parameters)))


def _named(lists: Sequence[str]) -> list[tuple[str, str]]:
    """Parse gcloud's lists of names and values. A list may set its separator first: ^;;^."""
    found = []
    for text in lists:
        separator, _, rest = text[1:].partition("^") if text.startswith("^") else (",", "", text)
        parts = [part.partition("=") for part in rest.split(separator or ",")]
        found += [(name, value) for name, _, value in parts]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the number of connections to stderr. Return 1 if it is more than granted."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.runtime.launch.workers",
        description="Check that the database grants the connections that the workers may open.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--workers", type=argument(WORKERS), required=True, help="the maximum number of workers"
    )
    parser.add_argument("--parameters", action="append", default=[], help="as for make launch")
    options, flags = parser.parse_known_args(arguments)
    try:
        asked = budget(options.workers, options.parameters, flags)
        asked.check()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"Connections to the database: at most {asked}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
