"""Writes one mail: what it is made of in, the mail for the provider out."""

from typing import Final
from uuid import UUID

from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.redirect import AddressedMail, WithheldMail, address_mail
from pipeline.domain.address import Mailbox, parse_address
from pipeline.mail.compose import compose
from pipeline.mail.material import Recipient
from pipeline.steps.mail.material import MailMaterial
from pipeline.steps.mail.sender import Sender

# The name of the tag by which the provider groups its figures.
TAG: Final = "email_type"


def write_mail(sender: Sender, delivery: UUID, mail: MailMaterial) -> AddressedMail | WithheldMail:
    """Write the mail of a delivery. Its Message-ID is made of the delivery's id.

    Raises:
        PermanentError: it cannot be written or addressed.
    """
    address = parse_address(mail.address)
    composed = compose(mail.material, Recipient(str(address), mail.name), sender.brand)
    outgoing = OutgoingMail(
        sender=sender.mail.sender,
        to=Mailbox(address),
        subject=composed.subject,
        html=composed.html,
        text=composed.text,
        message_id=f"<{delivery}@{sender.mail.sender.address.domain}>",
        headers=tuple(composed.headers.items()),
        tags=((TAG, composed.kind),),
    )
    return address_mail(outgoing, sender.mail.recipients)
