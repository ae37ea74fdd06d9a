import pytest

from local.pubsub.errors import InvalidArgument
from local.pubsub.filters import parse_filter


@pytest.mark.parametrize("text", ["", "  "])
def test_no_filter_passes_everything(text: str) -> None:
    assert parse_filter(text).passes({})
    assert parse_filter(text).passes({"type": "tick"})


@pytest.mark.parametrize(
    "text",
    [
        'attributes.type = "tick"',
        'attributes.type="tick"',
        ' attributes."type"  =  "tick" ',
    ],
)
def test_equality_passes_the_value_and_nothing_else(text: str) -> None:
    passes = parse_filter(text).passes

    assert passes({"type": "tick", "more": "x"})
    assert not passes({"type": "ticks"})
    assert not passes({})


def test_a_conjunction_needs_every_part() -> None:
    passes = parse_filter('attributes.a = "1" AND attributes.b = "2"').passes

    assert passes({"a": "1", "b": "2"})
    assert not passes({"a": "1"})
    assert not passes({"b": "2"})


@pytest.mark.parametrize(
    "text",
    [
        "anything goes",
        "attributes:type",
        'attributes.type != "tick"',
        'NOT attributes.type = "tick"',
        'hasPrefix(attributes.type, "t")',
        'attributes.a = "1" OR attributes.b = "2"',
        'attributes.a = "1" AND',
        'attributes.a = "1" ANDattributes.b = "2"',
        'attributes.a = "1" attributes.b = "2"',
        'attributes. = "1"',
    ],
)
def test_what_is_not_understood_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_filter(text)

    assert repr(text) in str(refusal.value)
