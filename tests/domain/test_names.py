from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.domain.names import escape, escape_alone, one_line

MARKDOWN: Final = MarkdownIt("gfm-like", {"linkify": False})
PLAIN: Final = {"text", "text_special", "softbreak", "strong_open", "strong_close"}
lines: Final = st.text(max_size=30).map(one_line).filter(bool)
tricky: Final = st.text(st.sampled_from('\\`*_{}[]()<>#+-.!|~&;=1a "'), max_size=20).map(one_line)


def shown(markdown: str) -> str:
    """Return the text that a reader sees. The Markdown must be one paragraph."""
    opened, inline, closed = MARKDOWN.parse(markdown)
    assert (opened.type, closed.type) == ("paragraph_open", "paragraph_close")
    parts = inline.children or []
    assert {part.type for part in parts} <= PLAIN
    return "".join("\n" if part.type == "softbreak" else part.content for part in parts)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Harrow\r\nBcc: x@evil.test", "Harrow Bcc: x@evil.test"),
        ("a\u2028b\x85c\x0bd", "a b c d"),
        ("  Ann  Lee ", "Ann  Lee"),
        ("   ", ""),
        ("\u200b\u200e", ""),
        ("\n", ""),
        ("", ""),
        (None, ""),
        ("\u202ea.exe", "a.exe"),
        ("山田 👩\u200d💻", "山田 👩\u200d💻"),
    ],
)
def test_a_name_is_one_line_and_trimmed_and_nothing_where_it_shows_nothing(
    text: str | None, line: str
) -> None:
    assert one_line(text) == line


@given(st.text())
def test_a_line_has_no_break_and_is_a_line_already(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line == line.strip()


@given(lines | tricky.filter(bool))
@example("**bold**")
@example("](javascript:alert(1))")
@example("{{meeting_time}}")
@example("<b>x</b> &lt; &#60; `code` ~~gone~~ _a_ ![a](b)")
def test_what_is_escaped_shows_itself_and_nothing_else(line: str) -> None:
    assert shown(f'a **"{escape(line)}"** b') == f'a "{line}" b'
    assert "{{" not in escape(line)


@given(lines | tricky.filter(bool))
@example("# Tower")
@example("1. Tower")
@example("- Tower")
@example("---")
@example("> Tower")
@example("===")
def test_so_does_a_line_of_its_own(line: str) -> None:
    assert shown(escape_alone(line)) == line
    assert shown(f"a\n{escape_alone(line)}") == f"a\n{line}"


@pytest.mark.parametrize("name", ["a.pdf", "#deal", "Harrow & Pine", "O'Neill-Smith", "50 %"])
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert escape(name) == name
