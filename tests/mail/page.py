"""Reads the HTML of a mail with the parser of the standard library."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "base", "area", "wbr"})


class Unbalanced(AssertionError):
    """A tag is closed that is not open, or is never closed."""


@dataclass
class Page:
    """What a mail has.

    Attributes:
        tags: the names of all tags.
        attributes: every name and value of every attribute.
        links: the targets, in their order, each with its text.
        lines: the visible texts, one for each block.
        hidden: the text of the preheader.
        styles: the sheets that are left.
    """

    tags: set[str] = field(default_factory=set)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    hidden: str = ""
    styles: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def read(html: str) -> Page:
    """Parse a mail.

    Raises:
        Unbalanced: its tags do not fit together.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.open:
        raise Unbalanced(f"never closed: {reader.open}")
    reader.page.lines = [line.strip() for line in reader.page.lines]
    return reader.page


_INLINE: Final = frozenset({"a", "span", "strong"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []
        self.starts_block = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = [(name, value or "") for name, value in attrs]
        self.page.tags.add(tag)
        self.page.attributes += given
        if tag not in VOID:
            self.open.append("preheader" if ("class", "preheader") in given else tag)
        if tag == "a":
            self.page.links.append((dict(given)["href"], ""))
        if tag not in _INLINE:
            self.starts_block = True

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop() if self.open else "nothing"
        if tag != ("div" if opened == "preheader" else opened):
            raise Unbalanced(f"{tag} is closed, but {opened} is open")
        if tag not in _INLINE:
            self.starts_block = True

    def handle_data(self, data: str) -> None:
        here = self.open[-1] if self.open else ""
        if here == "style":
            self.page.styles.append(data)
        elif here == "preheader":
            self.page.hidden += data
        elif "body" in self.open:
            self._show(" ".join(data.split(" ")).replace("\n", " "))
            if here == "a":
                target, text = self.page.links[-1]
                self.page.links[-1] = target, text + data

    def _show(self, text: str) -> None:
        if self.starts_block and text.strip():
            self.page.lines.append(text.lstrip())
            self.starts_block = False
        elif self.page.lines and not self.starts_block:
            self.page.lines[-1] += text
