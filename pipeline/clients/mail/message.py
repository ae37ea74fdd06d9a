"""A mail as it is handed to a provider, checked when it is made."""

import re
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.address import Mailbox
from pipeline.domain.errors import PermanentError

# https://www.rfc-editor.org/rfc/rfc5322#section-2.2: visible ASCII without the colon.
_HEADER_NAME: Final = re.compile(r"[\x21-\x39\x3b-\x7e]{1,76}")
# It stands on a line of its own, which may have 998 characters.
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]{1,900}")
_MESSAGE_ID: Final = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,120}@[A-Za-z0-9.-]{1,253}>")
# https://resend.com/docs/api-reference/emails/send-email
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
# The headers that have a field of their own, or that belong to the form of the message.
_OWN_HEADERS: Final = frozenset(
    {
        "bcc",
        "cc",
        "date",
        "from",
        "message-id",
        "mime-version",
        "received",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    }
)


class UnsendableMail(PermanentError):
    """A part of a mail cannot be sent as it is. The error names the part and never quotes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """One mail to one recipient. ``repr`` shows nothing of it.

    Attributes:
        sender: who it is from.
        to: who gets it.
        subject: one line.
        html: the body.
        text: the same as plain text.
        message_id: ``<id@domain>``. Resend sets a Message-ID of its own, and gets this one as
            X-Entity-Ref-ID.
        reply_to: who gets the answers; None: the sender.
        headers: further headers in this order, such as List-Unsubscribe; their values are ASCII.
        tags: names and values by which the provider groups its figures; none of a person.
    """

    sender: Mailbox = field(repr=False)
    to: Mailbox = field(repr=False)
    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str = field(repr=False)
    reply_to: Mailbox | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tags: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not _is_line(self.subject):
            raise UnsendableMail("invalid subject: expected one line of text")
        for name in ("html", "text"):
            if not _is_storable(getattr(self, name)):
                raise UnsendableMail(f"invalid {name}: expected text without NUL")
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise UnsendableMail("invalid Message-ID: expected <id@domain>")
        for name, value in self.headers:
            if not _HEADER_NAME.fullmatch(name) or _is_own(name):
                raise UnsendableMail("invalid header: expected a name that has no field of its own")
            if not _HEADER_VALUE.fullmatch(value):
                raise UnsendableMail(
                    "invalid header: expected one line of at most 900 ASCII characters"
                )
        if len({name.lower() for name, _ in self.headers}) < len(self.headers):
            raise UnsendableMail("invalid headers: expected every name once")
        if not all(_TAG.fullmatch(part) for tag in self.tags for part in tag):
            raise UnsendableMail("invalid tag: expected ASCII letters, digits, _ and -")


def _is_own(name: str) -> bool:
    return name.lower() in _OWN_HEADERS or name.lower().startswith(("content-", "resend-"))


def _is_line(text: str) -> bool:
    """Return whether a text can stand in a header: no line break or control character in it."""
    return len(text.splitlines()) <= 1 and _is_storable(text) and text == _without_controls(text)


def _without_controls(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "", text)


def _is_storable(text: str) -> bool:
    """Return whether the text is UTF-8 and has no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
