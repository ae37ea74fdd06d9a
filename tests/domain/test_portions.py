import pytest

from pipeline.domain.portions import portions, portions_by_weight


@pytest.mark.parametrize(
    ("items", "expected"),
    [([], []), ([1], [[1]]), ([1, 2], [[1, 2]]), ([1, 2, 3, 4, 5], [[1, 2], [3, 4], [5]])],
)
def test_portions_keep_the_order_and_have_at_most_the_size(
    items: list[int], expected: list[list[int]]
) -> None:
    assert list(portions(items, 2)) == expected


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([], []),
        ([5, 5], [[5, 5]]),
        ([5, 6], [[5], [6]]),
        ([11, 1, 11], [[11], [1], [11]]),
        ([1, 11, 1, 1], [[1], [11], [1, 1]]),
    ],
)
def test_portions_by_weight_are_as_large_as_fits_and_what_is_heavier_stands_alone(
    weights: list[int], expected: list[list[int]]
) -> None:
    assert list(portions_by_weight(iter(weights), float, 10)) == expected
