"""The stream runs for months, so the memory that each bundle leaves behind adds up."""

import os
import subprocess
import sys

from tests.databases import Database
from tests.streams import ROOT

BUNDLES = 200
# Beam's own runner leaves so much behind that fewer bundles show it.
BUNDLES_OF_CONTROL = 80


def growth(database: Database, runner: str, bundles: int) -> float:
    """Return the kilobytes of resident memory that each bundle adds."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.topology.bundles", runner, str(bundles)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database.dsn},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout.splitlines()[-1])


def test_a_bundle_leaves_nothing_behind(database: Database) -> None:
    assert growth(database, "local", BUNDLES) < 20


def test_control_on_the_runner_as_it_is_every_bundle_leaves_its_metrics_behind(
    database: Database,
) -> None:
    assert growth(database, "plain", BUNDLES_OF_CONTROL) > 100
