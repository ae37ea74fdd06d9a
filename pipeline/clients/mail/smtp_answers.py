"""Read what a mail server answered: a reply code and its text in, a result out.

https://www.rfc-editor.org/rfc/rfc5321#section-4.2, https://www.rfc-editor.org/rfc/rfc3463
The texts of servers quote addresses: only codes are taken from them, and the id in the queue.
"""

import re
from typing import Final

from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    Refused,
    Result,
    Unavailable,
)

# Authentication is missing, refused or too weak.
_AUTH: Final = frozenset({530, 534, 535, 538})
_RELAY: Final = re.compile(rb"\brelay", re.IGNORECASE)
_ENHANCED: Final = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")
_QUEUED: Final = re.compile(
    rb"queued(?: mail for delivery)?(?: as|[ :;=]+id)?[ :=]+([A-Za-z0-9._-]{4,100})"
)
_CLOSING: Final = 421


def code_of(code: int, text: bytes) -> str:
    """``550 5.1.1``: the reply code, and the enhanced one where there is one."""
    match = _ENHANCED.match(text.strip())
    return f"{code} {match[0].decode()}" if match else f"{code}"


def accepted(text: bytes, message_id: str) -> Accepted:
    """The id in the server's queue where it names it, or else the Message-ID."""
    match = _QUEUED.search(text)
    return Accepted(provider_id=match[1].decode() if match else message_id)


def recipient_refused(code: int, text: bytes) -> Result:
    """What an answer to RCPT means that is not a success."""
    if code in _AUTH or (code >= 500 and _RELAY.search(text)):  # noqa: PLR2004 - SMTP
        # It does not know us, or does not send for us: the same for every mail.
        return AuthFailed(code=code_of(code, text))
    return _refused(code, text, Blame.ADDRESS)


def message_refused(code: int, text: bytes) -> Result:
    """What an answer to DATA, or to the message after it, means that is not a success."""
    if code in _AUTH:
        return AuthFailed(code=code_of(code, text))
    return _refused(code, text, Blame.CONTENT)


def server_refused(code: int, text: bytes) -> Result:
    """What an answer to the greeting, EHLO, STARTTLS, AUTH or MAIL means that is not a success."""
    if code >= 500:  # noqa: PLR2004 - SMTP
        return AuthFailed(code=code_of(code, text))
    return Unavailable(code=code_of(code, text), may_be_accepted=False)


def _refused(code: int, text: bytes, blame: Blame) -> Result:
    if code >= 500:  # noqa: PLR2004 - SMTP
        return Refused(code=code_of(code, text), blame=blame)
    return Unavailable(code=code_of(code, text), may_be_accepted=False, of_request=code == _CLOSING)
