"""Catch-up processes a backlog from the table while Postgres crashes twice."""

import json
import os
import subprocess
import sys
from functools import partial
from typing import Final

from local.postgres import Postgres
from tests.deadline import wait_until
from tests.streams import ROOT
from tests.torture.figures import Figures
from tests.torture.rig import SETTLE_SECONDS, Rig
from tests.torture.scale import SCALE

CRASHES: Final = (0.2, 0.4)


def has_done(rig: Rig, events: float) -> bool:
    return rig.done() >= events


def test_a_backlog_is_caught_up_exactly_although_postgres_crashes_twice(
    durable_rig: Rig, cluster: Postgres, figures: Figures
) -> None:
    durable_rig.load.insert(SCALE.backlog)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "catch-up"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": durable_rig.place.dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for share in CRASHES:
        wait_until(
            partial(has_done, durable_rig, share * SCALE.backlog),
            seconds=SETTLE_SECONDS,
            what=f"{share:.0%} of the backlog is done",
        )
        cluster.crash()
        cluster.start()
        assert durable_rig.pending() > 0, "crashed too late to prove anything"
    output, errors = process.communicate(timeout=SETTLE_SECONDS)
    assert process.returncode == 0, errors
    assert "trying again" in errors
    summary = json.loads(output.splitlines()[-1])
    # A write whose answer was lost is retried and then found done, so it is not counted twice.
    assert summary["events"] <= SCALE.backlog
    audit = durable_rig.audit()
    assert audit.is_clean, audit
    figures.found(
        14,
        "Immediate stop of Postgres during one `catch-up`",
        len(CRASHES),
        audit,
        f"{summary['seconds']:.0f} s in all",
    )
