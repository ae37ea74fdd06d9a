"""The headers by which a good sender is known: a mail and its delivery in, headers out.

Date, From, To, Subject and Reply-To have fields of their own in ``OutgoingMail``.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pipeline.domain.address import EmailAddress
from pipeline.mail.material import Composed

# The last part of Feedback-ID names the sender to Gmail, among those of one domain. It has to have
# 5 to 15 characters: https://support.google.com/a/answer/6254652
FEEDBACK_SENDER: Final = "fanout"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHeaders:
    """What a mail is sent with beside its content.

    Attributes:
        message_id: ``<id@domain>``, the same however often the mail is sent.
        others: further headers, in their order.
    """

    message_id: str
    others: tuple[tuple[str, str], ...]


def headers_of(mail: Composed, delivery: UUID, sender: EmailAddress) -> MailHeaders:
    """Return the headers of a mail.

    Args:
        mail: as it was written; its own headers are among those returned.
        delivery: the id of the delivery. It is the mail's name in our domain.
        sender: of the From. Its domain is ours.
    """
    form = "list" if mail.headers else "direct"
    feedback = ":".join((mail.kind, sender.domain, form, FEEDBACK_SENDER))
    return MailHeaders(
        message_id=f"<{delivery}@{sender.domain}>",
        others=(*mail.headers.items(), ("Feedback-ID", feedback)),
    )
