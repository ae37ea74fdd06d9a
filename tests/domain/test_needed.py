"""The words for a value that is not valid."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID

import orjson
import pytest
from pydantic import AwareDatetime, Field, HttpUrl
from pydantic_core.core_schema import ErrorType

from pipeline.domain.errors import InvalidEvent
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.needed import needed
from pipeline.domain.payload import Payload
from pipeline.fanout.row import Row, decode

CANARY: Final = "kanarienvogel"
# No JSON value and no payload model can lead to these error types.
_OF_PROGRAMS: Final = (
    "argument", "ellipsis_error", "get_attribute_error", "callable", "is_instance_of",
    "is_subclass_of", "frozen_field", "frozen_instance", "no_such_attribute", "json_",
    "needs_python_object", "recursion_", "union_", "default_factory_not_called", "invalid_key",
    "iteration_error", "missing_sentinel_error", "set_item_not_hashable", "value_error",
    "assertion_error",
)  # fmt: skip


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


WORDS: Final = [
    (str, 1, "a string is needed"),
    (int, CANARY, "a whole number is needed"),
    (int, 1.5, "a whole number is needed"),
    (int, [], "a whole number is needed"),
    (float, CANARY, "a number is needed"),
    (bool, CANARY, "true or false is needed"),
    (frozenset[str], CANARY, "an array is needed"),
    (set[str], 1, "an array is needed"),
    (list[str], {CANARY: 1}, "an array is needed"),
    (tuple[str, ...], 1, "an array is needed"),
    (dict[str, Any], CANARY, "an object is needed"),
    (Mapping[str, Any], [1], "an object is needed"),
    (UUID, CANARY, "a UUID is needed"),
    (UUID, 7, "a UUID is needed"),
    (datetime, CANARY, "a time such as 2026-03-02T18:00:00Z is needed"),
    (
        AwareDatetime,
        "2026-03-02T18:00:00",
        "a time with a zone, such as 2026-03-02T18:00:00Z, is needed",
    ),
    (date, CANARY, "a date such as 2026-03-02 is needed"),
    (time, CANARY, "a time of day such as 18:00 is needed"),
    (timedelta, CANARY, "a duration such as PT2H is needed"),
    (HttpUrl, CANARY, "a URL is needed"),
    (Colour, CANARY, "'red' or 'blue' is needed"),
    (Literal["view", "edit"], CANARY, "'view' or 'edit' is needed"),
    (Annotated[int, Field(ge=0)], -1, "a number of at least 0 is needed"),
    (Annotated[int, Field(lt=9)], 9, "a number below 9 is needed"),
    (Annotated[str, Field(max_length=3)], CANARY, "a string of at most 3 characters is needed"),
    (Annotated[list[int], Field(min_length=2)], [1], "at least 2 items are needed"),
]


@pytest.mark.parametrize(("kind", "value", "words"), WORDS)
def test_a_field_that_does_not_fit_says_what_is_needed(
    kind: type, value: object, words: str
) -> None:
    class Probed(Payload):
        field: kind  # type: ignore[valid-type]

    assert refusal(Probed, value) == f"payload: field: {words}"


def test_a_field_that_is_missing_says_so() -> None:
    class Probed(Payload):
        field: str
        other: str = ""

    assert refusal(Probed, None) == "payload: field: it is missing"


def refusal(model: type[Payload], value: object) -> str:
    """Return the reason for which this value makes its event a dead letter."""
    text = orjson.dumps({"field": value}).decode()
    name = EventType("probed")
    row = Row(EventId(1), name, 0, payload_kind="object", payload_bytes=1, payload=text)
    with pytest.raises(InvalidEvent) as raised:
        decode(row, {name: model})
    return str(raised.value)


@pytest.mark.parametrize("error_type", get_args(ErrorType))
def test_every_error_of_pydantic_has_words_without_its_value(error_type: str) -> None:
    context = dict.fromkeys(
        ["ge", "gt", "le", "lt", "expected", "min_length", "max_length", "multiple_of", "pattern"],
        7,
    )
    words = needed(error_type, {**context, "error": CANARY, "input_value": CANARY})
    assert CANARY not in words
    if not any(each in error_type for each in _OF_PROGRAMS):
        assert words != "it is not valid"


def test_an_error_that_is_not_known_is_told_all_the_same() -> None:
    assert needed("no_such_error", {"error": CANARY}) == "it is not valid"
