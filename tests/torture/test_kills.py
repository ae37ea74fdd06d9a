"""SIGKILL of the pipeline under load."""

import random
import time
from collections import deque
from collections.abc import Callable

from tests.torture.figures import Figures
from tests.torture.lives import Life, any_instant
from tests.torture.rig import Rig
from tests.torture.scale import SCALE
from tests.torture.variants import (
    DieBeforeAcknowledging,
    DieBeforeWriting,
    acknowledge_early,
    fetch_completed_events,
    write_without_the_gate,
)
from tests.torture.worker import Variant

# The number of simultaneous lives on one subscription.
LIVES = 2


def kill_at_random(rig: Rig, kills: int, *variants: Variant) -> int:
    """Kill the lives one after the other, oldest first; return how many had work in hand."""
    lives: deque[Life] = deque()
    in_hand = 0
    with rig.feeding():
        for number in range(kills):
            while len(lives) < min(LIVES, kills - number):
                lives.append(rig.live(*variants))
            doomed = lives.popleft()
            if number % 2:
                doomed.kill_at_work()
                in_hand += 1
            elif number % 4:
                doomed.wait_for_work()
                time.sleep(any_instant(within_seconds=0.3))
                in_hand += doomed.kill()
            else:
                time.sleep(any_instant(within_seconds=1.0))
                in_hand += doomed.kill()
    return in_hand


def test_kills_at_random_instants_lose_nothing_and_repeat_nothing(
    rig: Rig, figures: Figures
) -> None:
    in_hand = kill_at_random(rig, SCALE.kills)
    audit = rig.settle()
    assert audit.is_clean, audit
    figures.found(
        1,
        "SIGKILL of the pipeline at a random instant",
        SCALE.kills,
        audit,
        f"{in_hand} of them with messages in hand",
    )


def die_by_themselves(
    rig: Rig, deaths: int, arm: Callable[[int], Variant], *variants: Variant
) -> None:
    """Let lives die at an instant of their first batches, two at a time."""
    lives: deque[Life] = deque()
    with rig.feeding():
        for number in range(deaths):
            while len(lives) < min(LIVES, deaths - number):
                lives.append(rig.live(arm(random.randint(1, 3)), *variants))  # noqa: S311
            lives.popleft().wait_for_death()


def test_deaths_at_the_worst_instants_lose_nothing_and_repeat_nothing(
    rig: Rig, figures: Figures
) -> None:
    die_by_themselves(rig, SCALE.failpoints // 2, DieBeforeAcknowledging)
    die_by_themselves(rig, SCALE.failpoints - SCALE.failpoints // 2, DieBeforeWriting)
    audit = rig.settle()
    assert audit.is_clean, audit
    figures.found(
        2,
        "SIGKILL between commit and acknowledgement, or just before the write",
        SCALE.failpoints,
        audit,
    )


def test_control_early_acknowledgement_is_caught_losing_events(rig: Rig, figures: Figures) -> None:
    rig.feed(500)
    with rig.live(acknowledge_early, DieBeforeWriting(1)) as life:
        life.wait_for_death()
    rig.feed(10)
    audit = rig.run_dry()
    assert audit.lost_events > 0, audit
    assert audit.lost > 0, audit
    figures.caught(
        1,
        "messages are acknowledged as soon as they are pulled",
        f"one death before writing: {audit.lost_events:,} events lost",
    )


def test_control_without_both_gates_events_are_caught_being_counted_twice(
    rig: Rig, figures: Figures
) -> None:
    deaths = 3
    without_gates = (fetch_completed_events, write_without_the_gate)
    die_by_themselves(rig, deaths, DieBeforeAcknowledging, *without_gates)
    audit = rig.settle(*without_gates)
    assert audit.duplicated > 0, audit
    figures.caught(
        2,
        "completed events are fetched and written again",
        f"{deaths} deaths before acknowledging: {audit.duplicated:,} messages counted twice",
    )
