"""Kinds of values that several requests share, stricter than a database needs them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from pipeline.domain.message import MAX_EVENT_ID

_RFC3339: Final = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d([.]\d{1,9})?([Zz]|[+-]\d\d:\d\d)"
_UUID: Final = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class Asked(BaseModel):
    """The base of whatever a caller sends. A field that we do not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ordered(Asked):
    """The base of every body. Nothing is taken for a value of another kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _moment(text: Any) -> datetime:  # noqa: ANN401 - what the caller sent
    try:
        if isinstance(text, str) and re.fullmatch(_RFC3339, text, re.ASCII):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("expected a time such as 2026-03-02T18:00:00Z")


def _uuid(text: Any) -> UUID:  # noqa: ANN401 - what the caller sent
    if isinstance(text, str) and re.fullmatch(_UUID, text):
        return UUID(text)
    raise ValueError("expected a UUID such as 5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10")


def _event(given: Any) -> int | UUID:  # noqa: ANN401 - what the caller sent
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= MAX_EVENT_ID:
        return given
    if isinstance(given, str) and re.fullmatch(_UUID, given):
        return UUID(given)
    raise ValueError("expected a whole number, or a UUID of reactions in a string")


# RFC 3339, always with a zone.
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T18:00:00Z"]}),
]
# With its dashes, and nothing around it.
Id = Annotated[
    UUID,
    BeforeValidator(_uuid),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": f"^{_UUID}$"}),
]
RowId = Annotated[int, Field(ge=1, le=MAX_EVENT_ID, examples=[42])]
# Of an event of any family.
AnyEventId = Annotated[
    int | UUID,
    BeforeValidator(_event),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_EVENT_ID},
                {"type": "string", "format": "uuid", "pattern": f"^{_UUID}$"},
            ],
            "examples": [42],
        }
    ),
]
# Postgres stores no NUL, and a person has something to say.
Note = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
