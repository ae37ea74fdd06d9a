"""A process that runs retention once, for tests that kill it."""

import os
from datetime import UTC, datetime

from pipeline.jobs.job import Input
from pipeline.settings import DatabaseSettings
from pipeline.steps.retention import run_retention
from tests.jobs.kept import WORK

if __name__ == "__main__":
    settings = DatabaseSettings(dsn=os.environ["DATABASE_URL"])
    for _ in run_retention(settings, WORK, Input(now=datetime.now(UTC))):
        pass
