"""JSON objects that keep every digit of their numbers: a text in, the object and that text out."""

import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

# An integer with more digits may not fit into 64 bits.
_DIGITS: Final = 18


class ExactObject(dict[str, Any]):
    """A JSON object and its exact text. Numbers of the object may be rounded; the text is not.

    Attributes:
        text: the JSON of the object as it was sent.
    """

    text: str

    def __init__(
        self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), text: str | None = None
    ) -> None:
        super().__init__(values)
        self.text = orjson.dumps(dict(self)).decode() if text is None else text


def keep_exact(
    payload: Mapping[str, Any], text: bytes | str, keys: Collection[str]
) -> dict[str, Any]:
    """Return the payload with an ``ExactObject`` at each of the keys.

    Args:
        payload: the parsed payload; its numbers may be rounded.
        text: the JSON of the payload.
        keys: keys of the payload. A missing key, or a value that is not an object, is ignored.
    """
    wanted = [key for key in keys if isinstance(payload.get(key), dict)]
    if not wanted:
        return dict(payload)
    exact = json.loads(text, parse_float=Decimal, parse_int=_integer)
    return {
        **payload,
        **{key: ExactObject(payload[key], _written(exact[key])) for key in wanted},
    }


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _DIGITS else Decimal(digits)


def _written(value: object) -> str:
    return orjson.dumps(value, default=_number).decode()


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError
