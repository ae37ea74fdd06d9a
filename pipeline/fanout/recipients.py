"""Who may hear of an event type, in the words of its handler."""

import inspect
from typing import Any

from pipeline.fanout.handler import Handler


def recipients(handler: Handler[Any]) -> str:
    """What the handler's ``audience`` says of itself."""
    return first_paragraph(type(handler).audience)


def first_paragraph(documented: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())
