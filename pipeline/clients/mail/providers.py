"""The providers of the settings, in their order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pipeline.clients.mail.provider import MailProvider
from pipeline.clients.mail.resend import ResendClient
from pipeline.clients.mail.smtp import SmtpClient
from pipeline.settings.mail import MailSettings


@contextmanager
def open_providers(settings: MailSettings) -> Iterator[tuple[MailProvider, ...]]:
    """Make the clients; close their connections when the block ends."""
    made: dict[str, MailProvider] = {}
    with ExitStack() as stack:
        if settings.resend is not None:
            client: MailProvider = ResendClient(settings.resend)
            made[client.name] = stack.enter_context(client)
        if settings.smtp is not None:
            client = SmtpClient(settings.smtp)
            made[client.name] = stack.enter_context(client)
        yield tuple(made[name] for name in settings.providers)
