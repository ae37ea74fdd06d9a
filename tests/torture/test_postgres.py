"""Postgres crashes without a checkpoint, as after a power cut, and recovers."""

import time

import psycopg

from local.postgres import Postgres
from tests.deadline import wait_until
from tests.torture.figures import Figures
from tests.torture.rig import SETTLE_SECONDS, Rig
from tests.torture.scale import SCALE
from tests.torture.variants import commit_without_waiting
from tests.torture.worker import Variant

LOT = 400


def crash_often(rig: Rig, cluster: Postgres, crashes: int, *variants: Variant) -> float:
    """Crash Postgres once during each set of events; return the longest time without progress."""
    longest = 0.0
    with rig.live(*variants) as life:
        for _ in range(crashes):
            rig.feed(LOT)
            rig.wait_for_progress(life, 1)
            cluster.crash()
            crashed = time.monotonic()
            cluster.start()
            rig.feed(1)
            rig.wait_for_progress(life, 1)
            longest = max(longest, time.monotonic() - crashed)
        life.stop()
    return longest


def write_wal_rarely(cluster: Postgres) -> None:
    """Keep commits that nobody waits for in memory for so long that a crash loses them."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("ALTER SYSTEM SET wal_writer_flush_after = '1GB'")
        connection.execute("SELECT pg_reload_conf()")


def test_crashes_of_postgres_lose_nothing_and_repeat_nothing(
    durable_rig: Rig, cluster: Postgres, figures: Figures
) -> None:
    longest = crash_often(durable_rig, cluster, SCALE.crashes)
    audit = durable_rig.finish()
    assert audit.is_clean, audit
    figures.found(
        3,
        "Immediate stop of Postgres, and recovery",
        SCALE.crashes,
        audit,
        f"at most {longest:.1f} s until events were written again",
    )


def test_control_commits_that_do_not_wait_are_caught_losing_events(
    durable_rig: Rig, cluster: Postgres, figures: Figures
) -> None:
    crashes = 3
    write_wal_rarely(cluster)
    with durable_rig.live(commit_without_waiting) as life:
        for _ in range(crashes):
            durable_rig.feed(LOT)
            durable_rig.wait_for_progress(life, LOT)
            # Messages that are not acknowledged at the crash are redelivered, so they are not lost.
            wait_until(
                lambda: not life.has_work_in_hand,
                seconds=SETTLE_SECONDS,
                what="every message is acknowledged",
            )
            cluster.crash()
            cluster.start()
        life.stop()
    durable_rig.feed(10)
    audit = durable_rig.run_dry()
    assert audit.lost_events > 0, audit
    figures.caught(
        4,
        "synchronous_commit=off",
        f"{crashes} crashes of Postgres: {audit.lost_events:,} acknowledged events lost",
    )
