"""The stream runs for months: what a bundle leaves behind in memory adds up."""

import subprocess
import sys

from tests.streams import ROOT

BUNDLES = 200


def growth(runner: str) -> float:
    """Kilobytes of resident memory that each bundle adds."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.topology.bundles", runner, str(BUNDLES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout.splitlines()[-1])


def test_a_bundle_leaves_nothing_behind() -> None:
    assert growth("local") < 20


def test_control_on_the_runner_as_it_is_every_bundle_leaves_its_metrics_behind() -> None:
    assert growth("plain") > 100
