"""Writes one mail: what it is made of in, the mail for the provider out."""

from uuid import UUID

from pipeline.clients.mail.outgoing import outgoing_mail, unsubscribe_url_of
from pipeline.clients.mail.redirect import AddressedMail, WithheldMail, address_mail
from pipeline.domain.address import Mailbox, parse_address
from pipeline.domain.identifiers import UserId
from pipeline.mail.compose import compose
from pipeline.mail.material import Recipient
from pipeline.steps.mail.material import MailMaterial
from pipeline.steps.mail.sender import Sender


def write_mail(
    sender: Sender, delivery: UUID, user_id: UUID | None, mail: MailMaterial
) -> AddressedMail | WithheldMail:
    """Write the mail of a delivery. Its Message-ID is made of the delivery's id.

    Args:
        sender: who sends it.
        delivery: the id of the delivery.
        user_id: whom its link unsubscribes; None: the recipient is no user and has no link.
        mail: what it is made of.

    Raises:
        PermanentError: it cannot be written or addressed.
        ConfigurationError: a secret that is only named cannot be read.
        TransientError: Secret Manager does not answer.
    """
    address = parse_address(mail.address)
    settings = sender.mail
    url = None
    # Who gets it in place of a person could unsubscribe the person.
    if user_id is not None and settings.recipients.is_for_people:
        url = unsubscribe_url_of(mail.material, UserId(user_id), settings.unsubscribe)
    recipient = Recipient(str(address), mail.name)
    composed = compose(mail.material, recipient, sender.brand, unsubscribe_url=url)
    outgoing = outgoing_mail(composed, Mailbox(address), settings, delivery)
    return address_mail(outgoing, settings.recipients)
