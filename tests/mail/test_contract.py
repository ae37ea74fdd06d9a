"""What holds for every mail, whatever a row or a payload says."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from pipeline.domain.errors import InvalidMail
from pipeline.domain.identifiers import EventType
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers import HANDLERS
from pipeline.mail.compose import compose, content_of
from pipeline.mail.material import Composed, Digest, Immediate, Material, Recipient, Transactional
from pipeline.mail.render import HTML, fill
from pipeline.mail.transactional import TRANSACTIONAL
from pipeline.mail.words import WORDS
from tests.mail.desk import BOB, BRAND, LEAVE, W, update
from tests.mail.page import Page, Unbalanced, read

UNKNOWN: Final = "of_a_type_unknown_to_us"
HOSTILE: Final[dict[str, Any]] = {
    "script": "<script>alert(1)</script>",
    "attribute": "\"'><img src=x onerror=alert(1)>",
    "comment": "--><style>*{display:none}</style><!--",
    "end": "</td></tr></table></body>",
    "entity": "&lt;script&gt; &#x3c; &amp",
    "header": "a\r\nBcc: eve@x.test\r\n\r\n<p>",
    "separators": "a\u2028b\u2029c\x85d\x0be",
    "bidi": "\u202egpj.exe\u2066\u2069",
    "control": "\x00\x1b[31m\x7f\x9b",
    "surrogate": "half \ud83d of one",
    "long": "x" * 10_000,
    "wide": "\N{FAMILY}" * 10_000,
    "jinja": "{{ 7 * 7 }}{% for x in y %}",
    "format": "{actor} {0} {project.__class__} %s %(x)s",
    "none": None,
    "empty": "",
    "blank": " \t\n ",
    "number": 10**400,
    "nan": float("nan"),
    "list": ["<b>"],
    "object": {"a": None},
    "true": True,
    "link": "javascript:alert(1)",
}
ALLOWED: Final = {
    *("html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "th"),
    *("a", "h1", "h2", "h3", "p", "span", "strong", "ul", "li", "br"),
}
# Everything that no header and no line may have.
CONTROL: Final = ("Cc", "Cs", "Zl", "Zp")
TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def fields(event_type: str) -> list[str]:
    words = WORDS.get(EventType(event_type))
    own = words.data.model_fields if words else {}
    return sorted({*own, "link_url"} - {"subject", "project_name"})


def rows(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each event type: each field with the value, then all of them."""
    for event_type in [*WORDS, UNKNOWN]:
        names = fields(event_type)
        for name in names:
            yield event_type, {name: value}
        yield event_type, dict.fromkeys(names, value)


def materials(value: Any) -> Iterator[Material]:  # noqa: ANN401
    """Every kind of mail with the value in every place."""
    text = value if isinstance(value, str) else "A subject"
    for event_type, data in rows(value):
        row = update(event_type, {"link_url": W, **data}, subject=text)
        yield Immediate(row)
        yield Digest([row, update(event_type, data, subject=text, project=None)])
    for kind, words in TRANSACTIONAL.items():
        yield Transactional(kind, words.example)
        for name in words.payload.model_fields:
            yield Transactional(kind, {**words.example, name: value})


def faults(mail: Composed) -> list[str]:
    """What is wrong with a mail."""
    return [*_of_lines(mail), *_of_text(mail), *_of_html(read(mail.html), mail)]


def _of_lines(mail: Composed) -> Iterator[str]:
    for name, line in {
        "subject": mail.subject,
        "preheader": mail.preheader,
        **mail.headers,
    }.items():
        if not line or len(line) > 180:
            yield f"{name}: {len(line)} characters"
        if any(unicodedata.category(each) in CONTROL for each in line) or TURNS.search(line):
            yield f"{name}: a control character"


def _of_text(mail: Composed) -> Iterator[str]:
    mail.text.encode()
    if any(unicodedata.category(each) in CONTROL for each in mail.text.replace("\n", "")):
        yield "text: a control character"
    if TURNS.search(mail.text):
        yield "text: a character that turns the line"
    if re.search(r"\b(None|nan|Undefined)\b", mail.text):
        yield "text: the name of a value of Python"
    if max(map(len, mail.text.splitlines())) > 2_100:
        yield "text: a line longer than a link"


def _of_html(page: Page, mail: Composed) -> Iterator[str]:
    mail.html.encode()
    if strange := page.tags - ALLOWED:
        yield f"html: tags {strange}"
    names = {name for name, _ in page.attributes}
    if loud := {name for name in names if name.startswith("on") or name in {"src", "background"}}:
        yield f"html: attributes {loud}"
    for target, text in page.links:
        parts = urlsplit(target)
        if parts.scheme != "https" or not (parts.hostname or "").endswith("capmatch.com"):
            yield f"html: a link to {parts.hostname}"
        if not text.strip():
            yield "html: a link without a text"
    styles = "".join([*page.styles, *(value for name, value in page.attributes if name == "style")])
    if re.search(r"url\(|@import|expression", styles):
        yield "html: a style that fetches"
    if "prefers-color-scheme: dark" not in styles or "max-width: 480px" not in styles:
        yield "html: the rules for dark mode or phones are lost"
    if len(mail.html) > 102_000:
        yield "html: longer than Gmail shows"
    if not page.hidden.startswith(mail.preheader):
        yield "html: no preheader"


def written(material: Material, recipient: Recipient = BOB) -> Composed | InvalidMail:
    """The mail, or why it cannot be written."""
    try:
        return compose(material, recipient, BRAND, unsubscribe_url=LEAVE)
    except InvalidMail as error:
        return error


@pytest.mark.parametrize("value", HOSTILE.values(), ids=list(HOSTILE))
def test_no_value_in_any_field_does_harm(value: Any) -> None:  # noqa: ANN401
    recipient = Recipient("eve@x.test", value if isinstance(value, str) else "")
    results = [(each, written(each, recipient)) for each in materials(value)]
    mails = [(each, mail) for each, mail in results if isinstance(mail, Composed)]
    refused = [(each, error) for each, error in results if isinstance(error, InvalidMail)]
    assert [(each, found) for each, mail in mails if (found := faults(mail))] == []
    assert len(mails) > 60
    # Only what the application asks for itself can be refused, and no value is quoted.
    assert all(isinstance(each, Transactional) for each, _ in refused)
    assert [
        str(error)
        for _, error in refused
        if not re.fullmatch(r"payload invalid: \w+: [ -~]+ (is needed|is missing)", str(error))
    ] == []


def test_control_what_does_harm_is_found() -> None:
    good = compose(Immediate(update(UNKNOWN, {})), BOB, BRAND)
    assert faults(good) == []

    def with_(html: str, text: str = "fine", subject: str = "A subject") -> Composed:
        return Composed(
            kind="x", subject=subject, preheader=good.preheader, html=html, text=text, headers={}
        )

    for harm in (
        "<script></script>",
        '<p onclick="x"></p>',
        '<p background="https://x.test/p.png"></p>',
        '<a href="https://elsewhere.example/">x</a>',
        '<a href="/relative">x</a>',
        '<p style="background: url(https://x.test/p.png)"></p>',
    ):
        assert len(faults(with_(good.html.replace("<p", f"{harm}<p", 1)))) == 1, harm
    assert faults(with_(good.html, text="Hi None,")) == ["text: the name of a value of Python"]
    assert faults(with_(good.html, subject="a\nBcc: b")) == ["subject: a control character"]
    dark = good.html.replace("prefers-color-scheme: dark", "print")
    assert faults(with_(dark)) == ["html: the rules for dark mode or phones are lost"]


def test_the_tags_of_every_template_fit_together_before_anything_repairs_them() -> None:
    good = [each for each in materials("plain") if isinstance(written(each), Composed)]
    assert len(good) > 60
    for material in good:
        page = read(fill(HTML, content_of(material, BRAND), BOB, BRAND, LEAVE))
        assert page.text


def test_control_tags_that_do_not_fit_together_are_found() -> None:
    for html in ("<div><p></div>", "<div>", "</div>"):
        with pytest.raises(Unbalanced):
            read(html)


def test_every_value_that_html_shows_of_an_event_is_in_the_text() -> None:
    for event_type in WORDS:
        data = {name: f"<{name}> & more" for name in fields(event_type)} | {"link_url": W}
        row = update(event_type, data)
        for material in (Immediate(row), Digest([row])):
            mail = compose(material, BOB, BRAND, unsubscribe_url=LEAVE)
            shown = [line for line in read(mail.html).lines if "<" in line]
            named = {name for name in data if any(f"<{name}>" in line for line in shown)}
            # A digest's plain text has one short line for each update.
            if isinstance(material, Digest):
                named.discard("uploader_name")
            assert [name for name in named if f"<{name}> & more" not in mail.text] == []
            targets = {target for target, _ in read(mail.html).links}
            assert [target for target in targets if target not in mail.text] == []


def test_every_event_type_that_mails_has_words() -> None:
    mailed = {name for name, handler in HANDLERS.items() if Channel.EMAIL in handler.channels}
    assert mailed == WORDS.keys()


def test_the_same_mail_is_the_same_bytes() -> None:
    for material in materials("plain"):
        first, second = written(material), written(material)
        assert first == second or isinstance(first, InvalidMail)
