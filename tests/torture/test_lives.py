"""The lives themselves: a fault must come only from the test that injects it."""

from tests.torture.rig import Rig


def test_a_life_told_to_stop_before_it_is_ready_ends_cleanly(rig: Rig) -> None:
    rig.feed(1)
    assert rig.finish().is_clean
    # All events are done before the next life starts, and it is told to stop at once.
    assert rig.finish().is_clean
