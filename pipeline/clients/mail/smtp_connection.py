"""A connection to a mail server: opened, encrypted, logged in; or the reason why it is not."""

import smtplib
import socket
import ssl

from pipeline.clients.mail.smtp_answers import server_refused
from pipeline.domain.provider_answer import AuthFailed, Result, Unavailable
from pipeline.settings.smtp import SmtpServer


class NoStartTls(smtplib.SMTPException):
    """The server does not offer STARTTLS, so mail would travel for everybody to read."""


def connect(server: SmtpServer, timeout: float, trust: ssl.SSLContext) -> smtplib.SMTP:
    """Open a connection that is ready for mail.

    Args:
        server: which one.
        timeout: in seconds, for each of its answers.
        trust: whose certificates are good.

    Raises:
        OSError, SMTPException: it cannot be done, or not safely; see ``why_not``.
    """
    connection = _open(server, timeout, trust)
    try:
        _begin(connection, server, trust)
    except BaseException:
        connection.close()
        raise
    return connection


def why_not(error: Exception) -> Result:
    """Why there is no connection. Nothing of a mail has left this machine."""
    if isinstance(error, NoStartTls):
        return AuthFailed(code="starttls_not_offered")
    if isinstance(error, ssl.SSLCertVerificationError):
        return AuthFailed(code="certificate_not_verified")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return AuthFailed(code="auth_not_offered")
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return server_refused(error.smtp_code, text if isinstance(text, bytes) else text.encode())
    return Unavailable(code=type(error).__name__, may_be_accepted=False)


def is_alive(connection: smtplib.SMTP) -> bool:
    """Return whether a connection that was idle can still be used."""
    try:
        return connection.noop()[0] // 100 == 2  # noqa: PLR2004 - SMTP
    except (smtplib.SMTPException, OSError):
        return False


def quit_politely(connection: smtplib.SMTP) -> None:
    """End a connection, whatever its state."""
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _own_name() -> str:
    """A name for the greeting, without asking the DNS for it."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _open(server: SmtpServer, timeout: float, trust: ssl.SSLContext) -> smtplib.SMTP:
    name = _own_name()
    if server.tls:
        return smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=name, timeout=timeout, context=trust
        )
    return smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=timeout)


def _begin(connection: smtplib.SMTP, server: SmtpServer, trust: ssl.SSLContext) -> None:
    """Greet, encrypt and log in."""
    connection.ehlo_or_helo_if_needed()
    if not server.tls:
        if connection.has_extn("starttls"):
            connection.starttls(context=trust)
            connection.ehlo_or_helo_if_needed()
        elif not server.is_local:
            raise NoStartTls
    if server.user:
        connection.login(server.user, server.password)
