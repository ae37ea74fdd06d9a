"""JSON objects that are handed on digit for digit: a text in, the object and that text out."""

import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

# Longer integers do not fit 64 bits for certain.
_DIGITS: Final = 18


class ExactObject(dict[str, Any]):
    """A JSON object to look into, whose numbers may have been rounded, and its text, where none is.

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
    """The payload with the objects at these keys made exact.

    Args:
        payload: as parsed, perhaps with rounded numbers.
        text: what it was parsed from.
        keys: of the payload; what is missing there, or no object, stays as it is.
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
