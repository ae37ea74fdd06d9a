"""Every mail that we write can be handed to every provider, and arrives as it was written."""

import pytest

from local.resend import ResendServer
from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.resend import ResendClient
from pipeline.clients.mail.smtp import SmtpClient
from pipeline.domain.address import Mailbox, parse_address
from pipeline.domain.provider_answer import Accepted
from pipeline.ops.mail.preview import MailPreview, preview_mails
from pipeline.ops.sample.mails import SAMPLE_BRAND
from tests.clients.mail.mails import NOW, SENDER, addressed
from tests.clients.mail.smtp_server import MailServer


def outgoing(number: int, preview: MailPreview) -> OutgoingMail:
    mail = preview.mail
    return OutgoingMail(
        sender=SENDER,
        to=Mailbox(parse_address("someone@acme.dev"), "Someone"),
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        message_id=f"<{number}@acme.test>",
        headers=tuple(mail.headers.items()),
        tags=(("type", mail.kind),),
    )


@pytest.fixture(scope="module")
def previews() -> list[MailPreview]:
    previews = preview_mails(SAMPLE_BRAND)
    assert len(previews) > 5
    return previews


def test_resend_takes_every_mail(
    previews: list[MailPreview], resend: ResendServer, client: ResendClient
) -> None:
    mails = addressed(*(outgoing(*each) for each in enumerate(previews)))
    reply = client.send(client.freeze(mails, key="all", at=NOW))
    assert {type(result) for result in reply.results} == {Accepted}
    for preview, kept in zip(previews, resend.accepted, strict=True):
        content = kept.content
        assert (content["subject"], content["html"]) == (preview.mail.subject, preview.mail.html)
        assert content["text"] == preview.mail.text
        assert preview.mail.headers.items() <= kept.headers.items()


def test_a_mail_server_takes_every_mail(
    previews: list[MailPreview], mail_server: MailServer, smtp: SmtpClient
) -> None:
    mails = addressed(*(outgoing(*each) for each in enumerate(previews)))
    reply = smtp.send(smtp.freeze(mails, key="all", at=NOW))
    assert {type(result) for result in reply.results} == {Accepted}
    for preview, received in zip(previews, mail_server.accepted, strict=True):
        text, html = received.message.iter_parts()
        assert received.message["Subject"] == preview.mail.subject
        assert text.get_content().splitlines() == preview.mail.text.splitlines()
        assert html.get_content().splitlines() == preview.mail.html.splitlines()
        for name, value in preview.mail.headers.items():
            assert f"\r\n{name}: {value}\r\n".encode() in received.raw
