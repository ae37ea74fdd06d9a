"""Texts as Postgres can store them."""

from typing import overload


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...


def storable(text: str | None) -> str | None:
    """The text without U+0000, which Postgres stores nowhere; a letter must not fail of it."""
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
