"""Make texts storable in Postgres."""

from typing import overload


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...


def storable(text: str | None) -> str | None:
    """Replace U+0000, which Postgres cannot store, so that every dead letter can be written."""
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
