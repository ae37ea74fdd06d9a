"""The SMTP client against a real server: encryption, login, refusals, and connections that end."""

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.smtp import SmtpClient
from pipeline.domain.address import Mailbox, parse_address, parse_mailbox
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.mail import SmtpSettings
from tests.clients.mail.conftest import IMPATIENCE, PATIENCE, Certificates, smtp_url
from tests.clients.mail.mails import NOW, addressed, has_marker, mail
from tests.clients.mail.smtp_server import PASSWORD, USER, MailServer
from tests.clients.secret_manager import stand_in
from tests.tls import NAME

# Its addresses are on this machine too, but it is not one of those that need no TLS.
ELSEWHERE: Final = "127.0.0.2"


def request_of(client: SmtpClient, *mails: OutgoingMail) -> FrozenRequest:
    return client.freeze(addressed(*mails), key="key", at=NOW)


def result_of(client: SmtpClient, *mails: OutgoingMail) -> Result:
    [result] = set(client.send(request_of(client, *mails)).results)
    return result


@contextmanager
def client_of(url: str, trust: ssl.SSLContext | None = None) -> Iterator[SmtpClient]:
    with SmtpClient(SmtpSettings(url=url, timeout=PATIENCE), trust=trust) as client:
        yield client


def test_mail_travels_encrypted_after_a_login(mail_server: MailServer, smtp: SmtpClient) -> None:
    result = result_of(smtp)
    assert result == Accepted(provider_id="Q000001")
    assert mail_server.encrypted == 1


def test_a_mail_arrives_as_it_was_written(mail_server: MailServer, smtp: SmtpClient) -> None:
    sent = mail(
        to="jorg@bücher.de",
        subject="Ünï" * 40,
        html="<p>" + "ünï " * 400 + "</p>",
        text=".\n..\n.x\nFrom here\n" + "ünï " * 400 + "\n.",
        reply_to=parse_mailbox("Support <support@acme.test>"),
        headers=(
            ("List-Unsubscribe", f"<https://app.acme.test/unsubscribe/{'a' * 600}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
    )
    assert isinstance(result_of(smtp, sent), Accepted)
    [received] = mail_server.accepted
    message = received.message
    assert received.recipients == ["jorg@xn--bcher-kva.de"]
    assert received.sender == "notifications@acme.test"
    assert message["From"] == "Acme <notifications@acme.test>"
    assert message["To"] == "Canary Person <jorg@xn--bcher-kva.de>"
    assert message["Subject"] == sent.subject
    assert message["Date"] == "Mon, 02 Mar 2026 18:00:00 +0000"
    assert message["Message-ID"] == sent.message_id
    assert message["Reply-To"] == "Support <support@acme.test>"
    # Not folded and not encoded: receivers look for it in the raw bytes.
    assert f"\r\nList-Unsubscribe: {sent.headers[0][1]}\r\n".encode() in received.raw
    text, html = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_content().splitlines() == sent.text.splitlines()
    assert html.get_content_type() == "text/html"
    assert html.get_content().splitlines() == [sent.html]
    # Seven bits and no long lines, as every server takes them.
    assert received.raw.isascii()
    assert max(map(len, received.raw.split(b"\r\n"))) < 998
    assert b"\n" not in received.raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("text", ["ü", "ü" * 500, "x", "x" * 1500, "a\rb\r\nc\n"])
def test_a_mail_is_seven_bits_in_short_lines(
    mail_server: MailServer, smtp: SmtpClient, text: str
) -> None:
    assert isinstance(result_of(smtp, mail(text=text, html=text)), Accepted)
    raw = mail_server.accepted[0].raw
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998
    # What ends a line for some servers only could end the mail for them.
    assert not {b"\r"[0], b"\n"[0]} & set(raw.replace(b"\r\n", b""))


def test_an_address_beyond_ascii_goes_where_it_is_understood(
    mail_server: MailServer, smtp: SmtpClient
) -> None:
    assert isinstance(result_of(smtp, mail(to="jörg@bücher.de")), Accepted)
    [received] = mail_server.accepted
    assert received.recipients == ["jörg@xn--bcher-kva.de"]
    assert received.message["To"] == "Canary Person <jörg@xn--bcher-kva.de>"


def test_an_address_beyond_ascii_is_refused_where_it_is_not() -> None:
    with (
        MailServer().serving(utf8=False) as server,
        client_of(f"smtp://{NAME}:{server.port}") as smtp,
    ):
        reply = smtp.send(request_of(smtp, mail(1, to="jörg@bücher.de"), mail(2)))
        refused, accepted = reply.results
    assert refused == Refused(code="smtputf8_not_offered", blame=Blame.ADDRESS)
    assert isinstance(accepted, Accepted)


# Encryption and login.


def test_tls_from_the_start(certificates: Certificates) -> None:
    with (
        MailServer().serving(tls=certificates.server) as server,
        client_of(f"smtps://{NAME}:{server.port}", certificates.trust) as smtp,
    ):
        assert isinstance(result_of(smtp), Accepted)
        assert server.encrypted == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_without_a_good_certificate_gets_no_password(
    scheme: str, certificates: Certificates
) -> None:
    first, later = (certificates.server, None)[:: 1 if scheme == "smtps" else -1]
    with MailServer().serving(tls=first, starttls=later) as server:
        url = f"{scheme}://{USER}:secret@{NAME}:{server.port}"
        with client_of(url) as smtp:
            assert result_of(smtp) == AuthFailed(code="certificate_not_verified")
        # The certificate is for another name.
        with client_of(url.replace(NAME, "127.0.0.1"), certificates.trust) as smtp:
            assert result_of(smtp) == AuthFailed(code="certificate_not_verified")
        assert server.accepted == []


def test_without_starttls_nothing_is_sent_to_another_machine() -> None:
    with MailServer().serving(host=ELSEWHERE) as server:
        with client_of(f"smtp://{ELSEWHERE}:{server.port}") as smtp:
            assert result_of(smtp) == AuthFailed(code="starttls_not_offered")
        assert server.accepted == []
    # Control: on this machine it is.
    with MailServer().serving() as server, client_of(f"smtp://127.0.0.1:{server.port}") as smtp:
        assert isinstance(result_of(smtp), Accepted)
        assert server.encrypted == 0


def test_a_server_that_takes_no_login_is_a_matter_for_a_person() -> None:
    with (
        MailServer().serving() as server,
        client_of(f"smtp://{USER}:secret@127.0.0.1:{server.port}") as smtp,
    ):
        assert result_of(smtp) == AuthFailed(code="auth_not_offered")


def test_a_server_that_wants_a_login_is_a_matter_for_a_person(
    mail_server: MailServer, certificates: Certificates
) -> None:
    with client_of(f"smtp://{NAME}:{mail_server.port}", certificates.trust) as smtp:
        assert result_of(smtp) == AuthFailed(code="530 5.7.0")


def test_the_url_may_be_named_in_secret_manager(
    mail_server: MailServer, certificates: Certificates, tmp_path: Path
) -> None:
    def result_with(name: str) -> Result:
        settings = SmtpSettings(url_secret=name, timeout=PATIENCE)
        with SmtpClient(settings, trust=certificates.trust) as client:
            return result_of(client)

    with stand_in(tmp_path) as secrets:
        assert isinstance(result_with(secrets.add(smtp_url(mail_server).encode())), Accepted)
        assert result_with("projects/acme/secrets/none") == AuthFailed(code="secret_invalid")
        assert result_with(secrets.add(b"canary")) == AuthFailed(code="secret_invalid")


# What a server answers. https://www.rfc-editor.org/rfc/rfc5321#section-4.2


@pytest.mark.parametrize(
    ("command", "reply", "result"),
    [
        ("MAIL", "550 5.7.1 canary", AuthFailed(code="550 5.7.1")),
        ("MAIL", "451 4.3.0 canary", Unavailable(code="451 4.3.0", may_be_accepted=False)),
        ("MAIL", "421 4.7.0 canary", Unavailable(code="421 4.7.0", may_be_accepted=False)),
        ("RCPT", "550 5.1.1 canary", Refused(code="550 5.1.1", blame=Blame.ADDRESS)),
        ("RCPT", "553 canary", Refused(code="553", blame=Blame.ADDRESS)),
        ("RCPT", "554 5.7.1 <canary>: Relay access denied", AuthFailed(code="554 5.7.1")),
        ("RCPT", "530 5.7.0 canary", AuthFailed(code="530 5.7.0")),
        (
            "RCPT",
            "450 4.2.1 canary",
            Unavailable(code="450 4.2.1", may_be_accepted=False, of_request=False),
        ),
        (
            "RCPT",
            "452 4.2.2 canary",
            Unavailable(code="452 4.2.2", may_be_accepted=False, of_request=False),
        ),
        ("RCPT", "421 canary", Unavailable(code="421", may_be_accepted=False)),
        ("DATA", "552 5.3.4 canary", Refused(code="552 5.3.4", blame=Blame.CONTENT)),
        ("DATA", "554 5.6.0 canary", Refused(code="554 5.6.0", blame=Blame.CONTENT)),
        (
            "DATA",
            "451 4.3.0 canary",
            Unavailable(code="451 4.3.0", may_be_accepted=False, of_request=False),
        ),
    ],
)
def test_every_answer_is_told_apart_by_what_is_to_be_done(
    mail_server: MailServer, smtp: SmtpClient, command: str, reply: str, result: Result
) -> None:
    mail_server.replies[command].append(reply)
    first, second = smtp.send(request_of(smtp, mail(1), mail(2))).results
    assert first == result
    # Control: the next mail of the same request is accepted.
    assert isinstance(second, Accepted)
    assert mail_server.copies() == {"<canary-2@acme.test>": 1}


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_kept_connection_that_the_server_has_closed_is_replaced(
    mail_server: MailServer, smtp: SmtpClient, command: str
) -> None:
    assert isinstance(result_of(smtp, mail(1)), Accepted)
    mail_server.replies[command].append(None)
    result = result_of(smtp, mail(2))
    if command == "DATA":
        # It may have the mail: it is not sent again by itself.
        assert isinstance(result, Unavailable)
        assert result.may_be_accepted
    else:
        assert isinstance(result, Accepted)
        assert mail_server.copies()["<canary-2@acme.test>"] == 1
    assert mail_server.connections <= 2
    assert isinstance(result_of(smtp, mail(3)), Accepted)


def test_a_server_that_has_enough_of_a_connection_is_asked_by_another(
    mail_server: MailServer, smtp: SmtpClient
) -> None:
    assert isinstance(result_of(smtp, mail(1)), Accepted)
    mail_server.replies["MAIL"].append("421 4.7.0 too many messages in this connection")
    assert isinstance(result_of(smtp, mail(2)), Accepted)
    assert mail_server.connections == 2


def test_a_server_that_keeps_closing_is_given_up(mail_server: MailServer, smtp: SmtpClient) -> None:
    assert isinstance(result_of(smtp, mail(1)), Accepted)
    mail_server.replies["MAIL"].extend(["421 4.3.2 canary"] * 2)
    assert result_of(smtp, mail(2)) == Unavailable(code="421 4.3.2", may_be_accepted=False)
    assert set(mail_server.copies()) == {"<canary-1@acme.test>"}


def test_a_silent_server_is_given_up(mail_server: MailServer, certificates: Certificates) -> None:
    mail_server.silent = True
    settings = SmtpSettings(url=smtp_url(mail_server), timeout=IMPATIENCE)
    with SmtpClient(settings, trust=certificates.trust) as smtp:
        # Both mails hear it after one wait.
        reply = smtp.send(request_of(smtp, mail(1), mail(2)))
    assert [type(each) for each in reply.results] == [Unavailable] * 2
    assert mail_server.connections == 1


def test_control_the_errors_of_the_standard_library_name_people(
    mail_server: MailServer, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mail_server.replies["RCPT"].append("550 5.1.1 <canary@kanarienvogel.de>: no such user")
    with smtplib.SMTP(NAME, mail_server.port, timeout=10) as plain:
        plain.starttls(context=certificates.trust)
        plain.login(USER, PASSWORD)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as raised:
            plain.sendmail("a@acme.test", ["canary@kanarienvogel.de"], "x")
    assert has_marker(str(raised.value))


def test_an_injected_line_cannot_leave_its_header(
    mail_server: MailServer, smtp: SmtpClient
) -> None:
    sly = replace(mail(), to=Mailbox(parse_address("a@acme.test"), 'x" <b@evil.test>, "'))
    assert isinstance(result_of(smtp, sly), Accepted)
    [received] = mail_server.accepted
    assert received.recipients == ["a@acme.test"]
    [to] = received.message["To"].addresses
    assert (to.addr_spec, to.display_name) == ("a@acme.test", 'x" <b@evil.test>, "')
