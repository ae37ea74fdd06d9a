"""A mail server: sends stored requests by SMTP, one mail after the other over kept connections."""

import re
import smtplib
import ssl
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Self

from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.redirect import AddressedMail
from pipeline.clients.mail.smtp_answers import (
    accepted,
    message_refused,
    recipient_refused,
    server_refused,
)
from pipeline.clients.mail.smtp_body import EnvelopedMail, freeze_for_smtp, thaw
from pipeline.clients.mail.smtp_connection import connect, is_alive, quit_politely, why_not
from pipeline.clients.named_secrets import read_text
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.provider_answer import (
    AuthFailed,
    Blame,
    ProviderReply,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.mail import ProviderName, SmtpSettings
from pipeline.settings.smtp import SmtpServer, parse_smtp_url

# A connection that was idle for longer is asked whether it still lives.
_ASK_AFTER_SECONDS: Final = 1.0
_MOST_IDLE: Final = 8
_GO_AHEAD: Final = 354
_CLOSING: Final = 421
_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)


class _Stopped(Exception):
    """No connection can be had, and this is why."""

    def __init__(self, result: Result) -> None:
        self.result = result


class SmtpClient:
    """A mail server for one run. Connections are kept and shared by all threads.

    SMTP has no key: a mail whose answer is lost may arrive twice, with the same Message-ID.
    """

    name = ProviderName.SMTP
    # One, so that a crash leaves the fate of one mail in doubt.
    usual_batch = 1

    def __init__(self, settings: SmtpSettings, *, trust: ssl.SSLContext | None = None) -> None:
        """Remember the settings; nothing is connected.

        Args:
            settings: how to reach it.
            trust: whose certificates are good; None: those that this machine trusts.
        """
        self._settings = settings
        self._trust = trust or ssl.create_default_context()
        self._idle: list[tuple[float, smtplib.SMTP]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _since, connection in idle:
            quit_politely(connection)

    def freeze(self, mails: Sequence[AddressedMail], *, key: str, at: datetime) -> FrozenRequest:
        """Make the request; see ``MailProvider``."""
        return freeze_for_smtp(mails, key=key, at=at)

    def send(self, request: FrozenRequest) -> ProviderReply:
        """Send a request once; see ``MailProvider``."""
        if request.provider is not self.name:
            raise ValueError(f"this request is for {request.provider}, not for {self.name}")
        results: list[Result] = []
        for mail in thaw(request.body):
            try:
                results.append(self._send_one(mail))
            except _Stopped as stopped:
                # Nobody waits again for each of the others.
                rest = (stopped.result,) * (request.mails - len(results))
                return ProviderReply(results=(*results, *rest))
        return ProviderReply(results=tuple(results))

    def _send_one(self, mail: EnvelopedMail) -> Result:
        kept = self._take()
        if kept is not None:
            result, is_closed = self._exchange(kept, mail)
            if not is_closed:
                return result
        # A server may close a connection that it kept at any time. That says nothing of the mail.
        result, _ = self._exchange(self._connect(), mail)
        return result

    def _exchange(self, connection: smtplib.SMTP, mail: EnvelopedMail) -> tuple[Result, bool]:
        """The result, and whether the server had closed the connection before it had the mail."""
        exchange = _Exchange(connection)
        try:
            result = exchange.send(mail)
        except (smtplib.SMTPException, OSError) as error:
            connection.close()
            in_doubt = exchange.may_be_accepted
            code = type(error).__name__
            return Unavailable(code=code, may_be_accepted=in_doubt), not in_doubt
        if exchange.is_usable:
            self._give_back(connection)
        else:
            quit_politely(connection)
        return result, exchange.is_closed

    def _take(self) -> smtplib.SMTP | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() < since + _ASK_AFTER_SECONDS or is_alive(connection):
                return connection
            connection.close()

    def _give_back(self, connection: smtplib.SMTP) -> None:
        with self._lock:
            if len(self._idle) < _MOST_IDLE:
                self._idle.append((time.monotonic(), connection))
                return
        quit_politely(connection)

    def _connect(self) -> smtplib.SMTP:
        try:
            return connect(self._server(), self._settings.timeout.total_seconds(), self._trust)
        except (smtplib.SMTPException, OSError) as error:
            raise _Stopped(why_not(error)) from None

    def _server(self) -> SmtpServer:
        settings = self._settings
        if not settings.url_secret:
            return parse_smtp_url(settings.url)
        try:
            return parse_smtp_url(read_text(settings.url_secret, "URL"))
        except ConfigurationError:
            raise _Stopped(AuthFailed(code="secret_invalid")) from None
        except TransientError:
            raise _Stopped(Unavailable(code="secret_unavailable", may_be_accepted=False)) from None


class _Exchange:
    """One mail over one connection, and how far it has come."""

    def __init__(self, connection: smtplib.SMTP) -> None:
        self._connection = connection
        self.may_be_accepted = False
        self.is_usable = True
        self.is_closed = False

    def send(self, mail: EnvelopedMail) -> Result:
        connection = self._connection
        options = []
        if mail.needs_utf8:
            if not connection.has_extn("smtputf8"):
                return Refused(code="smtputf8_not_offered", blame=Blame.ADDRESS)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        code, text = connection.mail(mail.sender, options)
        if code // 100 != 2:  # noqa: PLR2004 - SMTP
            self.is_closed = code == _CLOSING
            return self._ended(code, server_refused(code, text))
        code, text = connection.rcpt(mail.recipient)
        if code // 100 != 2:  # noqa: PLR2004 - SMTP
            return self._ended(code, recipient_refused(code, text))
        code, text = connection.docmd("DATA")
        if code != _GO_AHEAD:
            return self._ended(code, message_refused(code, text))
        self.may_be_accepted = True
        connection.send(_LEADING_DOT.sub(b"..", mail.message) + b".\r\n")
        code, text = connection.getreply()
        if code // 100 != 2:  # noqa: PLR2004 - SMTP
            return self._ended(code, message_refused(code, text))
        return accepted(text, mail.message_id)

    def _ended(self, code: int, result: Result) -> Result:
        """Make the connection ready for the next mail, unless the server closes it."""
        self.may_be_accepted = False
        try:
            self.is_usable = code != _CLOSING and self._connection.rset()[0] // 100 == 2  # noqa: PLR2004
        except (smtplib.SMTPException, OSError):
            self.is_usable = False
        return result
