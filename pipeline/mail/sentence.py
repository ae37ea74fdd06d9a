"""A sentence: our words with the values of a row in them, for HTML and for plain text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup, escape

_VALUE = Markup('<strong dir="auto">{}</strong>')


@dataclass(frozen=True, slots=True)
class Sentence:
    """``Sentence("{name} joined", {"name": "Ann"})``. In HTML the values are escaped and bold.

    A value cannot contain a place for another one: braces in it stay braces.
    """

    pattern: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.pattern.format_map(self.values)

    def __html__(self) -> Markup:
        """Return the HTML. Jinja and markupsafe call this instead of escaping the object."""
        marked = {name: _VALUE.format(value) for name, value in self.values.items()}
        return escape(self.pattern).format(**marked)
