"""Connections to Postgres that are cut at any byte or stop answering."""

import math
import random
import time
from collections.abc import Iterator

import pytest

from tests.deadline import wait_until
from tests.torture.figures import Figures
from tests.torture.proxy import Proxy
from tests.torture.rig import Rig
from tests.torture.scale import SCALE
from tests.torture.variants import write_without_the_gate
from tests.torture.worker import Variant

STATEMENT_SECONDS = 1.0
# The watchdog's limit lies a second above the server's, see DatabaseSettings.reply_timeout.
WATCHDOG_SECONDS = STATEMENT_SECONDS + 1.0
POOL = 4
# From within the greeting to beyond the longest statement: otherwise that one would never succeed.
LEAST_BYTES = 100
MOST_BYTES = 400_000
BATCH = 100


@pytest.fixture
def proxy(rig: Rig) -> Iterator[Proxy]:
    """A proxy between the lives and their database."""
    with Proxy(rig.place.dsn) as made:
        yield made


def any_number_of_bytes() -> int:
    """Return a random number, with every magnitude equally likely."""
    return round(math.exp(random.uniform(math.log(LEAST_BYTES), math.log(MOST_BYTES))))  # noqa: S311


def cut_often(rig: Rig, proxy: Proxy, cuts: int, *variants: Variant) -> None:
    """Cut that many connections, each at a random byte, while two lives use them."""
    with rig.feeding(), rig.live(*variants) as life, rig.live(*variants) as other:
        life.wait_for_work()
        proxy.cut_after(any_number_of_bytes)
        wait_until(
            lambda: proxy.cuts >= cuts or not (life.is_running and other.is_running),
            seconds=60 + cuts,
            what="connections are cut",
        )
        assert life.is_running, life.log
        assert other.is_running, other.log
        proxy.cut_after(None)
        life.stop()
        other.stop()


def test_cuts_at_random_bytes_lose_nothing_and_repeat_nothing(
    rig: Rig, proxy: Proxy, figures: Figures
) -> None:
    behind = rig.through(proxy.dsn, statement_seconds=STATEMENT_SECONDS, batch_size=BATCH)
    cut_often(behind, proxy, SCALE.cuts)
    audit = rig.finish()
    assert audit.is_clean, audit
    figures.found(
        5,
        "TCP connection to Postgres cut at a random byte",
        proxy.cuts,
        audit,
        f"{proxy.cut_replies} of them within a reply",
    )


def test_control_a_write_without_the_gate_is_caught_counting_twice_after_cuts(
    rig: Rig, proxy: Proxy, figures: Figures
) -> None:
    behind = rig.through(proxy.dsn, statement_seconds=STATEMENT_SECONDS, batch_size=BATCH)
    for cuts in range(30, 181, 30):
        cut_often(behind, proxy, cuts, write_without_the_gate)
        # A double count is hidden while other events of its counter are unfinished.
        audit = rig.finish()
        if audit.duplicated:
            break
    assert audit.duplicated > 0, audit
    figures.caught(
        3,
        "completed events are written again, under cut connections",
        f"{proxy.cuts} cuts: {audit.duplicated:,} messages counted twice",
    )


def test_silent_connections_are_given_up_and_cost_nothing(
    rig: Rig, proxy: Proxy, figures: Figures
) -> None:
    behind = rig.through(proxy.dsn, statement_seconds=STATEMENT_SECONDS, batch_size=BATCH)
    longest = 0.0
    with rig.feeding(), behind.live() as life:
        life.wait_for_work()
        for _ in range(SCALE.black_holes):
            rig.wait_for_progress(life, 50)
            assert proxy.swallow() > 0
            fell_silent = time.monotonic()
            # All connections from before the fault: their statements may still be committed.
            rig.wait_for(life, len(rig.load.events) + 1)
            longest = max(longest, time.monotonic() - fell_silent)
        life.stop()
    audit = rig.finish()
    assert audit.is_clean, audit
    # A pool may return several dead connections. The rest of the time is for the backlog.
    assert longest < POOL * WATCHDOG_SECONDS + 5.0
    figures.found(
        6,
        "Every connection to Postgres open but silent (black hole)",
        SCALE.black_holes,
        audit,
        f"at most {longest:.1f} s until events were written again,"
        f" with a watchdog of {WATCHDOG_SECONDS:g} s",
    )
