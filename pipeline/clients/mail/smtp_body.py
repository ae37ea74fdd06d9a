"""The bytes of a request to a mail server: every mail with its envelope, as a line of JSON.

https://www.rfc-editor.org/rfc/rfc5322, https://www.rfc-editor.org/rfc/rfc6532
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Final

import orjson

from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.redirect import AddressedMail
from pipeline.domain.address import Mailbox
from pipeline.settings.mail import ProviderName


class _AsItIs(UnstructuredHeader):
    """A header that is not folded: the standard library would encode a long link in it."""

    name: str

    def fold(self, *, policy: EmailPolicy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


# Every server takes lines of seven bits; not every one takes eight.
_ASCII: Final = SMTP.clone(cte_type="7bit", header_factory=HeaderRegistry(default_class=_AsItIs))
_UTF8: Final = _ASCII.clone(utf8=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopedMail:
    """A mail as it is handed to a server.

    Attributes:
        sender: of the envelope.
        recipient: of the envelope.
        needs_utf8: whether an address is not ASCII, which takes the extension SMTPUTF8.
        message_id: as in the message.
        message: its bytes, with line ends of the network.
    """

    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    needs_utf8: bool
    message_id: str = field(repr=False)
    message: bytes = field(repr=False)


def freeze_for_smtp(mails: Sequence[AddressedMail], *, key: str, at: datetime) -> FrozenRequest:
    """Make the request. Everything in the messages is settled: the Date, and the boundaries too."""
    lines = [_line(each.mail, at) for each in mails]
    return FrozenRequest(
        provider=ProviderName.SMTP, key=key, body=b"\n".join(lines), mails=len(lines)
    )


def thaw(body: bytes) -> list[EnvelopedMail]:
    """The mails of a frozen request."""
    return [
        EnvelopedMail(
            sender=each["sender"],
            recipient=each["recipient"],
            needs_utf8=each["needs_utf8"],
            message_id=each["message_id"],
            message=each["message"].encode(),
        )
        for each in map(orjson.loads, body.splitlines())
    ]


def _line(mail: OutgoingMail, at: datetime) -> bytes:
    mailboxes = (mail.sender, mail.to, *([mail.reply_to] if mail.reply_to else []))
    needs_utf8 = not all(each.address.is_ascii for each in mailboxes)
    message = _message(mail, at).as_bytes(policy=_UTF8 if needs_utf8 else _ASCII)
    return orjson.dumps(
        {
            "sender": str(mail.sender.address),
            "recipient": str(mail.to.address),
            "needs_utf8": needs_utf8,
            "message_id": mail.message_id,
            "message": message.decode(),
        }
    )


def _message(mail: OutgoingMail, at: datetime) -> EmailMessage:
    message = EmailMessage(policy=_ASCII)
    message["From"] = _header(mail.sender)
    message["To"] = _header(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = mail.message_id
    if mail.reply_to is not None:
        message["Reply-To"] = _header(mail.reply_to)
    for name, value in mail.headers:
        message[name] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message.set_boundary(f"=_{hashlib.sha256(mail.message_id.encode()).hexdigest()[:40]}")
    return message


def _header(mailbox: Mailbox) -> Address:
    address = mailbox.address
    return Address(mailbox.name, address.local, address.domain)
