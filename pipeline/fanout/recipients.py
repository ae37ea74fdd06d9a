"""The recipients of an event type, as documented by its handler."""

import inspect
from typing import Any

from pipeline.fanout.handler import Handler


def recipients(handler: Handler[Any]) -> str:
    """Return the first paragraph of the docstring of the handler's ``audience``."""
    return first_paragraph(type(handler).audience)


def first_paragraph(documented: object) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())
