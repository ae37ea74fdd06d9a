"""The requests to providers of mail that are being made."""

from functools import cache, partial
from typing import TypeAlias

from pipeline.domain.provider_answer import ProviderReply
from pipeline.settings.mail import MailSettings
from pipeline.steps.mail.freeze import AskedRequest
from pipeline.steps.mail.sender import LEASE, Sender, providers_of, table_of
from pipeline.steps.sending.outbox import Outbox

MailOutbox: TypeAlias = Outbox[AskedRequest]


def new_outbox(sender: Sender) -> MailOutbox:
    """Return an outbox without requests."""
    return Outbox(
        sender.database,
        partial(table_of, sender.database),
        partial(_send, sender.mail),
        lease=LEASE,
        concurrency=sender.concurrency,
        name="send-mail",
    )


def _send(mail: MailSettings, asked: AskedRequest) -> ProviderReply:
    return providers_of(mail)[asked.request.provider].send(asked.request)


@cache
def outbox_of(sender: Sender) -> MailOutbox:
    """Return the one outbox of the process for this sender."""
    return new_outbox(sender)
