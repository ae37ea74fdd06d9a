"""What Resend accepts: a mail as JSON in, an error or none out.

https://resend.com/docs/api-reference/emails/send-email
https://resend.com/docs/api-reference/errors
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from local.loopback import LoopbackReply
from local.resend.faults import named_error

MOST_RECIPIENTS: Final = 50
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
# The two forms of its documents. A name with other characters has to be quoted.
_SPEC: Final = r"(?P<address>[^\s<>@,;:\"\\]+@[^\s<>@,;:\"\\.]+(\.[^\s<>@,;:\"\\.]+)+)"
_ADDRESS: Final = re.compile(_SPEC)
_WITH_NAME: Final = re.compile(rf"(\"([^\"\\]|\\.)*\"|[^<>@,;:\"\\()\[\]]+) ?<{_SPEC}>")
# https://www.rfc-editor.org/rfc/rfc2606, and test.com, which Resend also refuses.
_RESERVED: Final = re.compile(
    r"(.*\.)?(example\.(com|net|org)|example|invalid|localhost|test|test\.com)"
)


def refusal(
    mail: object, *, verified: frozenset[str] | None, reserved_is_refused: bool
) -> LoopbackReply | None:
    """What is wrong with a mail.

    Args:
        mail: as it was sent.
        verified: the domains that mail may come from; None: all.
        reserved_is_refused: whether domains such as example.com are refused.
    """
    if not isinstance(mail, dict):
        return _invalid("The email must be an object.")
    missing = [name for name in ("from", "to", "subject") if not mail.get(name)]
    if not any(mail.get(name) for name in ("html", "text")):
        missing.append("html` or `text")
    if missing:
        words = f"Missing `{missing[0]}` field."
        return named_error(422, "missing_required_field", words)
    return (
        _wrong_sender(mail["from"], verified)
        or _wrong_recipients(mail, reserved_is_refused=reserved_is_refused)
        or _wrong_rest(mail)
    )


def recipients(mail: Mapping[str, Any], name: str = "to") -> list[str]:
    """The texts of a field that is one address or a list of them."""
    given = mail.get(name) or []
    return [given] if isinstance(given, str) else list(given)


def address_in(text: object) -> str | None:
    """The address in ``Name <address>`` or alone; None: it is not one."""
    if not isinstance(text, str) or not text.isprintable():
        return None
    match = _ADDRESS.fullmatch(text) or _WITH_NAME.fullmatch(text)
    return match["address"] if match else None


def _wrong_sender(text: object, verified: frozenset[str] | None) -> LoopbackReply | None:
    address = address_in(text)
    if address is None:
        words = (
            "Invalid `from` field. The email address needs to follow the"
            " `email@example.com` or `Name <email@example.com>` format."
        )
        return named_error(422, "validation_error", words)
    domain = address.rpartition("@")[2].lower()
    if verified is not None and domain not in verified:
        words = f"The {domain} domain is not verified. Please, add and verify your domain"
        return named_error(403, "validation_error", words)
    return None


def _wrong_recipients(
    mail: Mapping[str, Any], *, reserved_is_refused: bool
) -> LoopbackReply | None:
    for name in ("to", "cc", "bcc", "reply_to"):
        texts = recipients(mail, name)
        addresses = [address_in(text) for text in texts]
        if None in addresses or len(texts) > MOST_RECIPIENTS:
            return _invalid(
                f"Invalid `{name}` field. The email address needs to follow the"
                f" `email@example.com` or `Name <email@example.com>` format: {texts}"
            )
        if name == "reply_to" or not reserved_is_refused:
            continue
        domains = (str(address).rpartition("@")[2].lower() for address in addresses)
        if any(_RESERVED.fullmatch(domain) for domain in domains):
            return _invalid(
                f"Invalid `{name}` field. Please use our testing email address instead of"
                " domains like `example.com`."
            )
    return None


def _wrong_rest(mail: Mapping[str, Any]) -> LoopbackReply | None:
    if any(ord(each) < 0x20 for each in str(mail["subject"])):  # noqa: PLR2004 - a blank
        return _invalid("Invalid `subject` field. Line breaks are not allowed.")
    headers = mail.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(each, str) for each in headers.values()):
        return _invalid("Invalid `headers` field.")
    for tag in mail.get("tags", []):
        parts = (tag.get("name"), tag.get("value")) if isinstance(tag, dict) else (None,)
        if not all(isinstance(part, str) and _TAG.fullmatch(part) for part in parts):
            return _invalid(
                "Invalid `tags` field. Tags should only contain ASCII letters, numbers,"
                " underscores, or dashes."
            )
    return None


def _invalid(message: str) -> LoopbackReply:
    return named_error(422, "validation_error", message)
