"""A worker that runs the job, does two pages and says so, then does nothing until it is killed."""

import os
import signal
import sys

from pipeline.jobs.tick import tick_of
from pipeline.settings import DatabaseSettings
from tests.steps.runs import JOB, NOON, Floors, run_tick, runner_of


def _stand_still(number: int) -> None:
    if number == 3:
        print("two pages are done", flush=True)  # noqa: T201
        signal.pause()


if __name__ == "__main__":
    settings = DatabaseSettings(dsn=os.environ["DATABASE_URL"])
    run_tick(runner_of(settings, Floors(before=_stand_still)), JOB, tick_of(JOB, NOON))
    sys.exit("it was not killed")
