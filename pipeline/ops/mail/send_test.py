"""Sends one mail as a test, as real mails are sent: the same words, headers, rule and providers."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from pipeline.clients.mail.outgoing import outgoing_mail, unsubscribe_url_of
from pipeline.clients.mail.providers import open_providers
from pipeline.clients.mail.redirect import Redirect, WithheldMail, address_mail
from pipeline.domain.address import InvalidAddress, parse_mailbox
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.errors import UsageError
from pipeline.domain.identifiers import UserId
from pipeline.domain.provider_answer import (
    Accepted,
    KeyConflict,
    Refused,
    Result,
    Unavailable,
)
from pipeline.mail.brand import Brand
from pipeline.mail.compose import compose
from pipeline.mail.material import Recipient
from pipeline.ops.mail.preview import check_type, sample_material
from pipeline.settings.mail import MailSettings

# Whom the link of a test unsubscribes: nobody has this id.
_NOBODY: Final = UserId(UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTry:
    """What one provider answered.

    Attributes:
        provider: its name.
        outcome: what that means, such as ``accepted`` or ``auth_failed``.
        code: the provider's word for why not; None if it was accepted.
        provider_id: what the provider calls the mail, if it was accepted.
    """

    provider: str
    outcome: str
    code: str | None = None
    provider_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTest:
    """A mail that was sent as a test, or not.

    Attributes:
        type: of the mail.
        subject: of the mail.
        message_id: of the mail.
        redirect: ``none``, ``forced`` (to EMAIL_FORCE_TO) or ``test`` (to EMAIL_TEST_RECIPIENT).
        withheld: why nobody was asked to send it; None if a provider was.
        tries: what the providers answered, in their order.
        accepted: whether one has it.
    """

    type: str
    subject: str
    message_id: str
    redirect: Redirect = Redirect.NONE
    withheld: str | None = None
    tries: list[ProviderTry] = field(default_factory=list)
    accepted: bool = False


def send_test(
    settings: MailSettings, brand: Brand, to: str, type_: str, clock: Clock = utc_now
) -> SentTest:
    """Write a mail of the sample and send it through the first provider that takes it.

    Args:
        settings: the providers in their order, and who gets mail in place of its recipient.
        brand: whose mail it is.
        to: an address, with or without a name.
        type_: as of ``mail preview``.
        clock: for the Date.

    Raises:
        UsageError: there is no such type, its sample event mails nothing, or the address is
            invalid. The error does not quote the address.
    """
    check_type(type_)
    try:
        mailbox = parse_mailbox(to.strip())
    except InvalidAddress as error:
        raise UsageError(f"--to: {error}") from None
    now = clock()
    found = sample_material(type_, None, now)
    if found is None:
        raise UsageError(f"invalid type {type_!r}: its sample event mails nothing")
    _, material = found
    composed = compose(
        material,
        Recipient(str(mailbox.address), mailbox.name),
        brand,
        unsubscribe_url=unsubscribe_url_of(material, _NOBODY, settings.unsubscribe),
    )
    mail = outgoing_mail(composed, mailbox, settings, uuid4())
    addressed = address_mail(mail, settings.recipients)
    if isinstance(addressed, WithheldMail):
        return SentTest(
            type=type_,
            subject=mail.subject,
            message_id=mail.message_id,
            withheld=addressed.reason,
        )
    tries: list[ProviderTry] = []
    with open_providers(settings) as providers:
        for provider in providers:
            # The key is made of the mail's own name, so no other request has it.
            request = provider.freeze([addressed], key=f"test/{mail.message_id}", at=now)
            (result,) = provider.send(request).results
            tries.append(_told(provider.name, result))
            if _is_final(result):
                break
    return SentTest(
        type=type_,
        subject=mail.subject,
        message_id=mail.message_id,
        redirect=addressed.redirect,
        tries=tries,
        accepted=tries[-1].outcome == "accepted",
    )


def _is_final(result: Result) -> bool:
    """Whether no other provider is asked: the mail was, or may have been, accepted or is bad."""
    match result:
        case Accepted() | Refused() | KeyConflict():
            return True
        case Unavailable():
            return result.may_be_accepted
        case _:
            return False


def _told(provider: str, result: Result) -> ProviderTry:
    if isinstance(result, Accepted):
        return ProviderTry(provider=provider, outcome="accepted", provider_id=result.provider_id)
    outcome = "".join(f"_{each.lower()}" if each.isupper() else each for each in _name(result))
    return ProviderTry(provider=provider, outcome=outcome.lstrip("_"), code=result.code)


def _name(result: Result) -> str:
    return type(result).__name__
