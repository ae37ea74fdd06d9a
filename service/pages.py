"""Pages for people who follow the link in a mail: what is to be said in, HTML and its headers out.

They load nothing from anywhere and run no script. The address of the page is a secret of its
reader, so it is told to nobody.
"""

import base64
import hashlib
from functools import cache
from http import HTTPStatus
from typing import Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from service.errors import RETRY_SECONDS

_STYLE: Final = """
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/24px system-ui, sans-serif; background: #eef0f3; color: #323a48; }
main { max-width: 34rem; margin: 10vh auto; padding: 32px; background: #fff; border-radius: 12px; }
h1 { margin: 0 0 16px; font-size: 22px; line-height: 30px; color: #1c2330; }
.brand { margin: 0 0 16px; font-weight: 700; }
button { padding: 12px 24px; border: 0; border-radius: 8px; font: inherit; font-weight: 600;
  background: #1f4fd8; color: #fff; cursor: pointer; }
@media (prefers-color-scheme: dark) {
  body { background: #101217; color: #cdd3dc; }
  main { background: #1a1d24; }
  h1 { color: #f1f3f6; }
}
@media (max-width: 480px) { main { margin: 16px 8px; padding: 24px 20px; } }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


def ask_page(brand: str, subject: str) -> HTMLResponse:
    """Return the page that asks whether a subscription shall end."""
    who = f"{brand} sends" if brand else "We send"
    return _page(
        brand,
        "Do you want to unsubscribe?",
        f"{who} you {subject} by e-mail. You would get no more of these. Everything else stays as"
        " it is.",
        asks=True,
    )


def done_page(brand: str, subject: str) -> HTMLResponse:
    """Return the page that says that a subscription has ended."""
    return _page(
        brand,
        "You are unsubscribed",
        f"You get no more {subject} by e-mail. You can change this in your notification settings"
        " at any time.",
    )


def wrong_page(brand: str, retry_seconds: int | None = None) -> HTMLResponse:
    """Return the page for a link that we did not make. It does not say why.

    Args:
        brand: whose page it is.
        retry_seconds: when to come back for who tried too many of them; None: they did not.
    """
    page = _page(
        brand,
        "This link does not work",
        "It may not be complete, or too old. Use the link in your newest e-mail, or your"
        " notification settings.",
        status=HTTPStatus.NOT_FOUND if retry_seconds is None else HTTPStatus.TOO_MANY_REQUESTS,
    )
    if retry_seconds is not None:
        page.headers["Retry-After"] = str(retry_seconds)
    return page


def later_page(brand: str) -> HTMLResponse:
    """Return the page that says that nothing was changed, because something of ours is away."""
    page = _page(
        brand,
        "Please try again in a minute",
        "Something does not work at the moment. Nothing was changed.",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )
    page.headers["Retry-After"] = str(RETRY_SECONDS)
    return page


def _page(
    brand: str,
    heading: str,
    text: str,
    *,
    asks: bool = False,
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    html = (
        _templates()
        .get_template("unsubscribe.html.jinja")
        .render(brand=brand, heading=heading, text=text, asks=asks, style=_STYLE)
    )
    return HTMLResponse(html, status, headers=_HEADERS)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
