"""The bytes of a request to Resend.

https://resend.com/docs/api-reference/emails/send-email
https://resend.com/docs/api-reference/emails/send-batch-emails
"""

from collections.abc import Sequence
from typing import Any

import orjson

from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.redirect import AddressedMail
from pipeline.settings.mail import ProviderName


def freeze_for_resend(mails: Sequence[AddressedMail], *, key: str) -> FrozenRequest:
    """Make the request: an object for one mail, a list for several."""
    content = [_mail(each.mail) for each in mails]
    return FrozenRequest(
        provider=ProviderName.RESEND,
        key=key,
        body=orjson.dumps(content[0] if len(content) == 1 else content),
        mails=len(content),
    )


def _mail(mail: OutgoingMail) -> dict[str, Any]:
    content: dict[str, Any] = {
        "from": str(mail.sender),
        "to": [str(mail.to)],
        "subject": mail.subject,
        "html": mail.html,
        "text": mail.text,
        "headers": {"X-Entity-Ref-ID": mail.message_id, **dict(mail.headers)},
    }
    if mail.reply_to is not None:
        content["reply_to"] = [str(mail.reply_to)]
    if mail.tags:
        content["tags"] = [{"name": name, "value": value} for name, value in mail.tags]
    return content
