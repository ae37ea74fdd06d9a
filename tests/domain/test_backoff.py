from itertools import islice
from typing import Final

import pytest

from pipeline.domain.backoff import Backoff, Restarts

PLAIN: Final = Backoff(first=1.0, longest=15.0)


def test_pauses_double_up_to_the_longest() -> None:
    assert list(islice(PLAIN.pauses(), 7)) == [1, 2, 4, 8, 15, 15, 15]
    assert [PLAIN.pause(tries) for tries in (0, 1, 5)] == [1, 2, 15]


def test_however_often_something_was_tried_there_is_a_pause() -> None:
    assert PLAIN.pause(10**9) == 15


@pytest.mark.parametrize(("at_least", "low"), [(0.0, 0.0), (0.5, 2.0), (1.0, 4.0)])
def test_jitter_leaves_at_least_its_part_of_a_pause(at_least: float, low: float) -> None:
    backoff = Backoff(first=1.0, longest=15.0, at_least=at_least)
    drawn = []

    def draw(least: float, most: float) -> float:
        drawn.append((least, most))
        return most

    assert backoff.pause(2, draw) == 4
    assert drawn == [(low, 4.0)]


def test_pauses_before_restarts_grow_until_a_run_was_longer_than_the_longest() -> None:
    restarts = Restarts(PLAIN)

    assert [restarts.pause_after(ran) for ran in (0, 15, 3)] == [1, 2, 4]
    assert [restarts.pause_after(ran) for ran in (15.1, 0)] == [1, 2]
