import json
import pickle
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.exact import ExactObject, keep_exact

texts = st.text(st.characters(codec="utf-8"), max_size=5)
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=6,
)


def as_sent(value: object) -> str:
    """Write JSON with every digit of its numbers."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}:{as_sent(each)}" for key, each in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(as_sent, value))}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


@given(st.dictionaries(texts, values))
def test_every_digit_is_kept(sent: dict[str, Any]) -> None:
    text = as_sent({"changes": sent})
    kept = keep_exact({"changes": {}}, text, {"changes"})["changes"]
    assert isinstance(kept, ExactObject)
    assert json.loads(kept.text, parse_float=Decimal) == json.loads(
        as_sent(sent), parse_float=Decimal
    )


@pytest.mark.parametrize(
    "number", ["12345678901234567890123", "0.10", "-0.0", "9" * 5_000, "1e400"]
)
def test_a_number_that_a_float_cannot_hold_is_kept(number: str) -> None:
    kept = keep_exact({"a": {}}, f'{{"a": {{"b": [{number}]}}}}', {"a"})["a"]
    assert Decimal(kept.text.removeprefix('{"b":[').removesuffix("]}")) == Decimal(number)
    assert kept.text.count(number[-2:])


@pytest.mark.parametrize("payload", [{}, {"changes": None}, {"changes": [1]}, {"changes": "a"}])
def test_what_is_no_object_stays_as_it_is(payload: dict[str, Any]) -> None:
    assert keep_exact(payload, json.dumps(payload), {"changes"}) == payload


def test_an_exact_object_is_an_object_to_look_into() -> None:
    kept = ExactObject({"a": 0.1}, '{"a": 0.10}')
    assert (kept["a"], kept == {"a": 0.1}, orjson.dumps(kept)) == (0.1, True, b'{"a":0.1}')
    copy = pickle.loads(pickle.dumps(kept))  # noqa: S301 - our own bytes
    assert (copy, copy.text) == (kept, kept.text)
