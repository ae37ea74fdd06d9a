"""Kills of push at each of its steps: everyone is told, and nobody twice but where none can know.

The bus and FCM know no keys: what was asked when a worker died is asked once more, with its id.
"""

from collections import Counter
from collections.abc import Iterator
from signal import SIGKILL
from uuid import UUID

import pytest

from tests.golden.stage import Stage
from tests.golden.world import U2, U3
from tests.steps.push.desk import PushDesk, open_desk
from tests.steps.push.killed import FRESH_IDS, SETTLED_FIRST, STEPS
from tests.torture.figures import Figures
from tests.torture.oracle import Audit
from tests.torture.push_worker import work, write
from tests.torture.scale import SCALE

LEASE_SECONDS = 31
CHANNELS = ("bus", "fcm")


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    """U2 is connected; U3 is not, and has a phone and a tablet."""
    with open_desk(stage) as desk:
        desk.bus.connected[U2] = 1
        for token in ("phone", "tablet"):
            desk.device(token, U3)
        yield desk


def torture(
    desk: PushDesk, channel: str, step: str, kills: int, weakness: str = "none"
) -> tuple[int, int, int]:
    """Kill workers after a step, and let another one take over each time.

    Returns:
        how many people, phones and tablets were not told; how many were told more often than once
        more; and how many were told twice with one id.
    """
    rows = 3
    for _ in range(kills):
        write(desk, rows)
        if channel == "fcm":
            # What the bus brings to nobody waits for the phones.
            assert work(desk, "bus") == 0
        assert work(desk, channel, step, weakness) == -SIGKILL
        desk.pass_time(LEASE_SECONDS)
        desk.run()
    expected = {
        str(U2): kills * rows, "phone": kills * rows, "tablet": kills * rows,
    }  # fmt: skip
    ids: dict[str, Counter[UUID]] = {target: Counter() for target in expected}
    for id_, target in [*desk.bus.taken, *desk.fcm.taken]:
        if target in ids:
            ids[target][id_] += 1
    lost = sum(max(0, wanted - len(ids[target])) for target, wanted in expected.items())
    # An id that nobody asked for is one time too many, and so is a third time.
    extra = sum(max(0, len(ids[target]) - wanted) for target, wanted in expected.items())
    extra += sum(max(0, count - 2) for each in ids.values() for count in each.values())
    twice = sum(count == 2 for each in ids.values() for count in each.values())
    return lost, extra, twice


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_loses_nothing_and_repeats_once_at_most(
    desk: PushDesk, channel: str, step: str, figures: Figures
) -> None:
    kills = SCALE.push_kills
    lost, extra, twice = torture(desk, channel, step, kills)
    assert (lost, extra) == (0, 0)
    # Only what was sent when the worker died was sent again.
    assert bool(twice) == (step == "send")
    assert {state for _, state, _, _ in desk.deliveries()} == {"done", "cancelled"}
    assert all(is_processed for is_processed, _, _ in desk.activity())
    rows = len(desk.activity())
    audit = Audit(
        events=rows, effects=rows, lost_events=0, lost=lost, duplicated=extra, misjudged=0,
        dead_letters=0,
    )  # fmt: skip
    note = f"{twice} pushes came once more, with the same id" if twice else ""
    figures.found(18, f"SIGKILL of push on {channel} after: {step}", kills, audit, note)


@pytest.mark.parametrize(
    ("weakness", "caught", "weakened"),
    [
        (FRESH_IDS, "extra", "each try has an id of its own"),
        (SETTLED_FIRST, "lost", "a push is settled before it is sent"),
    ],
)
def test_control_a_push_without_the_ledger_is_caught(
    desk: PushDesk, figures: Figures, weakness: str, caught: str, weakened: str
) -> None:
    lost, extra, _ = torture(desk, "fcm", "send", 1, weakness)
    found = {"lost": lost, "extra": extra}[caught]
    assert found > 0
    figures.caught(18, weakened, f"one kill: {found} {caught}")


def test_who_dies_twice_over_one_message_leaves_it_in_doubt(desk: PushDesk) -> None:
    write(desk, 1)
    assert work(desk, "bus") == 0
    for _ in range(2):
        assert work(desk, "fcm", "send") == -SIGKILL
        desk.pass_time(LEASE_SECONDS)
    desk.run(2)
    assert set(desk.fcm.counts.values()) == {2}
    ended = desk.rows("SELECT DISTINCT state FROM fanout.deliveries WHERE channel = 'fcm'")
    assert ended == [("dead",)]
    assert {code for channel, _, code in desk.codes() if channel == "fcm"} == {None, "in_doubt"}
