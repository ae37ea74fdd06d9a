from typing import Any

import pytest
from pydantic import Field, ValidationError

from pipeline.domain.payload import Line, NullableText, OptionalLine, Payload


class Sample(Payload):
    """A payload with one field of each kind."""

    count: int = 1
    file_name: str = Field("a file", alias="fileName")
    value: NullableText = "unset"
    new_value: NullableText = Field("unset", alias="newValue")
    title: Line = Field("a title", alias="docTitle")
    name: OptionalLine = None


@pytest.mark.parametrize(
    "sent", [{}, {"fileName": None}, {"fileName": ""}], ids=["absent", "null", "empty"]
)
def test_absent_null_and_empty_all_take_the_default(sent: dict[str, Any]) -> None:
    assert Sample.model_validate(sent).file_name == "a file"


@pytest.mark.parametrize("empty", [None, ""])
def test_the_default_holds_for_fields_that_are_no_texts(empty: object) -> None:
    assert Sample.model_validate({"count": empty}).count == 1


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        pytest.param({}, ("unset", "unset"), id="absent"),
        pytest.param({"value": None, "newValue": None}, (None, None), id="null"),
        pytest.param({"value": "", "newValue": ""}, ("unset", "unset"), id="empty"),
        pytest.param({"value": "a", "newValue": "b"}, ("a", "b"), id="given"),
    ],
)
def test_a_field_that_keeps_null_tells_it_from_absent(
    sent: dict[str, Any], understood: tuple[str | None, str | None]
) -> None:
    sample = Sample.model_validate(sent)
    assert (sample.value, sample.new_value) == understood


def test_zero_and_blank_are_values_of_their_own() -> None:
    sample = Sample.model_validate({"count": 0, "fileName": " "})
    assert (sample.count, sample.file_name) == (0, " ")


@pytest.mark.parametrize(
    ("sent", "understood"),
    [("  a\r\nb ", "a b"), ("a  b", "a  b"), ("\t", "a title"), (None, "a title"), (" a", "a")],
)
def test_what_stands_in_a_line_is_one_and_a_blank_one_takes_the_default(
    sent: object, understood: str
) -> None:
    sample = Sample.model_validate({"docTitle": sent, "name": sent})
    assert sample.title == understood
    assert sample.name == (None if understood == "a title" else understood)


def test_a_line_is_a_text_all_the_same() -> None:
    with pytest.raises(ValidationError, match="docTitle"):
        Sample.model_validate({"docTitle": ["a"]})


def test_a_payload_cannot_be_changed() -> None:
    sample = Sample()
    with pytest.raises(ValidationError, match="frozen"):
        sample.count = 2  # type: ignore[misc]


def test_an_invalid_payload_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as raised:
        Sample.model_validate({"fileName": ["kanarienvogel"]})
    assert "kanarienvogel" not in str(raised.value)
