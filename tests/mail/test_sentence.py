from markupsafe import escape

from pipeline.mail.clean import line
from pipeline.mail.sentence import Sentence


def test_values_are_bold_and_escaped_in_html_and_verbatim_in_text() -> None:
    said = Sentence("{who} & {what}.", {"who": "<Ann>", "what": "it"})
    assert str(said) == "<Ann> & it."
    assert escape(said) == (
        '<strong dir="auto">&lt;Ann&gt;</strong> &amp; <strong dir="auto">it</strong>.'
    )


def test_a_value_with_braces_takes_no_other_value() -> None:
    said = Sentence("{who} and {what}", {"who": "{what}", "what": "secret"})
    assert str(said) == "{what} and secret"
    assert "{what}</strong> and" in escape(said)


def test_a_line_is_cut_and_has_no_line_breaks() -> None:
    assert line("a\r\nb") == "a b"
    assert line("abcdef", 4) == "abc…"
    assert line(None) == line("\u202e\n") == ""
