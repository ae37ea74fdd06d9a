"""The schedules of the jobs for ``make schedules``: one line each, ``name|cron|time zone``."""

import sys

from pipeline.jobs.table import JOBS


def main() -> int:
    """Print the lines."""
    for job in JOBS.values():
        sys.stdout.write(f"{job.name}|{job.schedule.cron}|{job.schedule.zone}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
