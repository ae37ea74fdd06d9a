"""Mails for the tests of the providers. Everything personal in them is marked."""

from datetime import UTC, datetime

from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.redirect import AddressedMail, Redirect
from pipeline.domain.address import Mailbox, parse_address, parse_mailbox

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
SENDER = parse_mailbox("Acme <notifications@acme.test>")
# A word of each kind of thing that must be in no log and no error.
MARKERS = ("canary", "kanarienvogel")


def mail(
    number: int = 1, *, to: str = "canary.person@kanarienvogel.de", **changed: object
) -> OutgoingMail:
    fields: dict[str, object] = {
        "sender": SENDER,
        "to": Mailbox(parse_address(to), "Canary Person"),
        "subject": f"Canary subject {number}",
        "html": f'<p>Canary <a href="https://app.acme.test/canary/{number}">link</a></p>',
        "text": f"Canary text {number}\n.\nhttps://app.acme.test/canary/{number}\n",
        "message_id": f"<canary-{number}@acme.test>",
        "headers": (("List-Unsubscribe", f"<https://app.acme.test/unsubscribe/canary{number}>"),),
        "tags": (("type", "document_uploaded"),),
    }
    return OutgoingMail(**(fields | changed))  # type: ignore[arg-type]


def addressed(*mails: OutgoingMail) -> list[AddressedMail]:
    return [AddressedMail(mail=each, redirect=Redirect.NONE) for each in mails or (mail(),)]


def has_marker(text: str) -> bool:
    return any(marker in text.lower() for marker in MARKERS)
