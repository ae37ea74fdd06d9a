"""Pages: a cursor says where the next one begins, and is of use for the same list only."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, TypeAdapter

from pipeline.domain.errors import UsageError
from service.answers.values import Asked

ItemT = TypeVar("ItemT")
PositionT = TypeVar("PositionT")

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


def page_of(
    found: Sequence[ItemT], limit: int, of: object, position: Callable[[ItemT], Sequence[Any]]
) -> Paged[ItemT]:
    """Return the first ``limit`` items as a page.

    Args:
        found: the items of the page and one more, if there is one more.
        limit: the most items of the page.
        of: the list: its name and its conditions.
        position: returns the position after an item.
    """
    items = found[:limit]
    is_last = len(found) <= limit
    return Paged(items=items, next=None if is_last else cursor_after(position(items[-1]), of))


def cursor_after(position: Sequence[Any], of: object) -> str:
    """Return the cursor of a position in a list.

    Args:
        position: where the next page begins: numbers, texts, times, UUIDs.
        of: the list: its name and its conditions.
    """
    text = orjson.dumps([_digest(of), *position])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def position_of(cursor: str | None, of: object, kind: TypeAdapter[PositionT]) -> PositionT | None:
    """Return the position that a cursor says; None without a cursor: the list begins.

    Args:
        cursor: what the caller sent.
        of: the list: its name and its conditions.
        kind: what a position of this list is.

    Raises:
        UsageError: it is not a cursor of this list.
    """
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        digest, *position = orjson.loads(text)
        if digest == _digest(of):
            return kind.validate_python(position)
    # Of pydantic, orjson and base64, too. Anybody can make up a cursor.
    except (ValueError, TypeError):
        pass
    raise UsageError(
        "invalid cursor: expected the one of the page before, with the same conditions"
    )


def _digest(of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()[:_DIGEST]
