"""A mail as ``pipeline.mail`` has written it in, the mail as it is handed to a provider out."""

from functools import lru_cache
from typing import Final
from uuid import UUID

from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.named_secrets import read_secrets
from pipeline.domain.address import Mailbox
from pipeline.domain.identifiers import UserId
from pipeline.mail.headers import headers_of
from pipeline.mail.material import Composed, Material
from pipeline.mail.subscription import subscription_to
from pipeline.mail.unsubscribe_link import LinkSeal, unsubscribe_url
from pipeline.settings.mail import MailSettings
from pipeline.settings.unsubscribe import UnsubscribeSettings

# The name of the tag by which the provider groups its figures.
TAG: Final = "email_type"


def outgoing_mail(
    mail: Composed, to: Mailbox, settings: MailSettings, delivery: UUID
) -> OutgoingMail:
    """Return the mail with all of its headers. The same arguments give the same mail.

    Args:
        mail: as it was written.
        to: who gets it.
        settings: who sends it, and who gets the answers.
        delivery: the id of the delivery.

    Raises:
        UnsendableMail: a part of it cannot be sent.
    """
    headers = headers_of(mail, delivery, settings.sender.address)
    return OutgoingMail(
        sender=settings.sender,
        to=to,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        message_id=headers.message_id,
        reply_to=settings.reply_to,
        headers=headers.others,
        tags=((TAG, mail.kind),),
    )


def unsubscribe_url_of(
    material: Material, user_id: UserId, settings: UnsubscribeSettings
) -> str | None:
    """Return where the recipient of a mail unsubscribes; None if the mail has no such link.

    Raises:
        ConfigurationError: a secret that is only named cannot be read.
        TransientError: Secret Manager does not answer.
    """
    if not settings.makes_links:
        return None
    subscription = subscription_to(material, user_id)
    if subscription is None:
        return None
    return unsubscribe_url(settings.public_url, link_seal(settings), subscription)


def link_seal(settings: UnsubscribeSettings) -> LinkSeal:
    """Return what makes and reads the tokens of links.

    Raises:
        ConfigurationError: no secret is set, or one that is only named cannot be read.
        TransientError: Secret Manager does not answer.
    """
    return _seal(read_secrets(settings.secrets, "secret for links to unsubscribe"))


@lru_cache(maxsize=8)
def _seal(secrets: tuple[str, ...]) -> LinkSeal:
    return LinkSeal(secrets)
