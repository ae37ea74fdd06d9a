"""Pages: a cursor says where the next one begins, and is of use for the same list only."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from pipeline.domain.errors import UsageError
from service.answers.values import Asked

ItemT = TypeVar("ItemT")

MOST: Final = 200
_USUAL: Final = 50
_DIGEST: Final = 6


class PageQuery(Asked):
    """Which page of a list."""

    limit: Annotated[int, Query(ge=1, le=MOST, description="the most items of the page")] = _USUAL
    cursor: Annotated[
        str | None,
        Query(
            pattern="^[A-Za-z0-9_-]+$",
            max_length=200,
            description="`next` of the page before; leave it out for the first page",
        ),
    ] = None


class Paged(BaseModel, Generic[ItemT]):
    """A page of a list.

    Attributes:
        items: of this page. It may have few or none, and still not be the last one.
        next: the cursor of the next page; null: this is the last one.
    """

    items: Sequence[ItemT]
    next: str | None


def cursor_after(position: Sequence[Any], of: object) -> str:
    """Return the cursor of a position in a list.

    Args:
        position: where the next page begins.
        of: the list: its name and its conditions.
    """
    text = orjson.dumps([_digest(of), *position])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def position_of(cursor: str, of: object) -> list[Any]:
    """Return the position that a cursor says.

    Raises:
        UsageError: it is no cursor of this list.
    """
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        found: list[Any] = orjson.loads(text)
        digest, *position = found
    except (binascii.Error, ValueError, TypeError):
        digest, position = None, []
    if digest != _digest(of):
        raise UsageError(
            "invalid cursor: expected the one of the page before, with the same conditions"
        )
    return position


def _digest(of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()[:_DIGEST]
