"""Fills the templates of a mail: its content in, the HTML and the text out.

The templates are compiled once in a process. The styles of the layout are written into each
element, since many mail programs ignore a style sheet; the rules for dark mode and for phones stay
one, which the others understand. Nothing is ever fetched.
"""

import re
from functools import cache
from typing import Final

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pipeline.domain.units import counted
from pipeline.mail.brand import Brand
from pipeline.mail.colour import DARK_CARD, LIGHT_CARD, Palette, palette
from pipeline.mail.content import Content
from pipeline.mail.links import is_web_address
from pipeline.mail.material import Composed, Recipient

HTML: Final = ".html.jinja"
TEXT: Final = ".txt.jinja"
# What providers accept as the value of a tag.
_NOT_IN_A_TAG: Final = re.compile(r"[^A-Za-z0-9_-]")
_MOST_IN_A_TAG: Final = 256
# Its default would fetch style sheets. ``keep_at_rules`` would put the rules before the character
# set, so the layout marks the sheet to keep instead.
_INLINER: Final = css_inline.CSSInliner(load_remote_stylesheets=False)


def render(
    content: Content, recipient: Recipient, brand: Brand, unsubscribe_url: str | None
) -> Composed:
    """Fill both templates.

    Raises:
        ValueError: ``unsubscribe_url`` is not an http or https address.
    """
    if unsubscribe_url is not None and not is_web_address(unsubscribe_url):
        raise ValueError("invalid unsubscribe_url: expected https://host/path")
    leave = unsubscribe_url if content.is_choice else None
    return Composed(
        kind=_NOT_IN_A_TAG.sub("_", content.kind)[:_MOST_IN_A_TAG] or "_",
        subject=content.subject,
        preheader=content.preheader,
        html=_INLINER.inline(fill(HTML, content, recipient, brand, leave)),
        text=fill(TEXT, content, recipient, brand, leave),
        headers=_headers(leave),
    )


def fill(
    end: str, content: Content, recipient: Recipient, brand: Brand, unsubscribe_url: str | None
) -> str:
    """Fill the template with this end. In HTML the styles are not written into elements yet."""
    return (
        _templates()
        .get_template(content.template + end)
        .render(
            content.values,
            subject=content.subject,
            preheader=content.preheader,
            is_choice=content.is_choice,
            brand=brand,
            name=recipient.greeting,
            unsubscribe_url=unsubscribe_url,
            colours=_palette(brand.colour),
            light=LIGHT_CARD,
            dark=DARK_CARD,
        )
    )


def _headers(unsubscribe_url: str | None) -> dict[str, str]:
    if unsubscribe_url is None:
        return {}
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        # RFC 8058: a POST of this to the address above unsubscribes without a page.
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("pipeline.mail"),
        # Only the plain text is not escaped.
        autoescape=select_autoescape([HTML[1:]], default=False, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    templates.globals["counted"] = counted
    return templates


@cache
def _palette(colour: str) -> Palette:
    return palette(colour)
