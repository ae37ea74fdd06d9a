"""A real mail server on this machine, with STARTTLS and AUTH, for the tests of the SMTP client."""

import asyncio
import ssl
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER = "mailer"
PASSWORD = "canary-p@ss:word"  # noqa: S105 - of nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    sender: str
    recipients: list[str]
    raw: bytes = field(repr=False)

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message


class MailServer:
    """Mails that were accepted, and what goes wrong.

    Attributes:
        accepted: every mail.
        replies: what is answered to the next commands ``MAIL``, ``RCPT``, ``DATA`` in place of
            success; None: the connection is cut.
        accepts_all_the_same: whether a mail is accepted whose answer to DATA is replaced.
        refused: the recipients that do not exist.
        connections: how many were opened.
        encrypted: how many mails came over TLS.
    """

    def __init__(self) -> None:
        self.accepted: list[ReceivedMail] = []
        self.replies: dict[str, deque[str | None]] = defaultdict(deque)
        self.accepts_all_the_same = False
        self.refused: set[str] = set()
        self.connections = 0
        self.encrypted = 0
        self.port = 0
        self.silent = False
        self._loop = asyncio.new_event_loop()

    def copies(self) -> Counter[str]:
        return Counter(each.message["Message-ID"] for each in self.accepted)

    @contextmanager
    def serving(
        self,
        *,
        host: str = "127.0.0.1",
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        login: bool = False,
        utf8: bool = True,
    ) -> Iterator["MailServer"]:
        def protocol() -> asyncio.Protocol:
            self.connections += 1
            if self.silent:
                return asyncio.Protocol()
            return SMTP(
                self,
                loop=self._loop,
                hostname="mail.test",
                tls_context=starttls,
                require_starttls=starttls is not None and login,
                authenticator=_check if login else None,
                auth_required=login,
                auth_require_tls=tls is None,
                enable_SMTPUTF8=utf8,
            )

        started = threading.Event()

        async def serve() -> None:
            server = await self._loop.create_server(protocol, host, 0, ssl=tls)
            self.port = server.sockets[0].getsockname()[1]
            self._ended = asyncio.Event()
            started.set()
            await self._ended.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

        thread = threading.Thread(target=self._loop.run_until_complete, args=(serve(),))
        thread.start()
        started.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join()
            self._loop.close()

    def _told(self, command: str, server: SMTP) -> str | None:
        if not self.replies[command]:
            return None
        reply = self.replies[command].popleft()
        if reply is None:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "451 cut"
        return reply

    # What aiosmtpd asks. https://aiosmtpd.aio-libs.org/en/stable/handlers.html

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if told := self._told("MAIL", server):
            return told
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if told := self._told("RCPT", server):
            return told
        if address in self.refused:
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _: Session, envelope: Envelope
    ) -> str:
        told = self._told("DATA", server)
        if told and not self.accepts_all_the_same:
            return told
        assert isinstance(envelope.content, bytes)
        assert server.transport is not None
        self.encrypted += server.transport.get_extra_info("sslcontext") is not None
        self.accepted.append(
            ReceivedMail(
                sender=str(envelope.mail_from),
                recipients=[str(each) for each in envelope.rcpt_tos],
                raw=envelope.content,
            )
        )
        return told or f"250 2.0.0 OK: queued as Q{len(self.accepted):06}"


def _check(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: object) -> AuthResult:
    assert mechanism in {"LOGIN", "PLAIN"}
    assert isinstance(data, LoginPassword)
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)
