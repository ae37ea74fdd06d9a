"""Who really gets a mail: a mail and a rule in; the mail to send and what was done out."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pipeline.clients.mail.message import OutgoingMail
from pipeline.domain.address import EmailAddress, Mailbox
from pipeline.settings.mail import RecipientRule

# They would let the tester unsubscribe the person.
_OF_THE_PERSON: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post"})


class Redirect(StrEnum):
    """What was done with the recipient."""

    NONE = "none"
    FORCED = "forced"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressedMail:
    """A mail whose recipient is settled. Only these can be frozen into a request.

    Attributes:
        mail: with the recipient who really gets it.
        redirect: whether that is somebody else than it was written to.
    """

    mail: OutgoingMail
    redirect: Redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldMail:
    """A mail that must not be sent.

    Attributes:
        reason: why, in a word.
    """

    reason: str


TEST_WITHOUT_RECIPIENT: Final = WithheldMail(reason="test_mode_without_recipient")


def address_mail(mail: OutgoingMail, rule: RecipientRule) -> AddressedMail | WithheldMail:
    """Apply the rule to a mail. Who gets it in place of a person cannot unsubscribe the person."""
    if rule.force_to is not None:
        return _to(mail, rule.force_to, Redirect.FORCED)
    if not rule.test_mode:
        return AddressedMail(mail=mail, redirect=Redirect.NONE)
    if rule.test_recipient is None:
        return TEST_WITHOUT_RECIPIENT
    return _to(mail, rule.test_recipient, Redirect.TEST)


def _to(mail: OutgoingMail, address: EmailAddress, redirect: Redirect) -> AddressedMail:
    headers = tuple(each for each in mail.headers if each[0].lower() not in _OF_THE_PERSON)
    return AddressedMail(
        mail=replace(mail, to=Mailbox(address), headers=headers), redirect=redirect
    )
