"""Validates a payload: JSON in, its model out, or an error that quotes no value."""

from typing import Final

from pydantic import ValidationError

from pipeline.domain.errors import InvalidEvent
from pipeline.domain.needed import needed
from pipeline.domain.payload import Payload

FIELDS_NAMED_IN_AN_ERROR: Final = 5


def validated(model: type[Payload], value: object) -> Payload:
    """Return the payload.

    Raises:
        InvalidEvent: the value is invalid. The text names the invalid fields, never their values.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # Not the text of pydantic, which may contain a part of the value.
        named = [
            f"{_path(fault['loc'])}: {needed(fault['type'], fault.get('ctx', {}))}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        more = len(named) - FIELDS_NAMED_IN_AN_ERROR
        tail = [f"and {more} more"] if more > 0 else []
        listed = "; ".join(named[:FIELDS_NAMED_IN_AN_ERROR] + tail)
        raise InvalidEvent(f"payload: {listed}") from None


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(whole)"
