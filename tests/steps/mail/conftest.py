"""The fixture of the mail tests."""

from collections.abc import Iterator

import pytest

from local.resend import ResendServer
from tests.clients.mail.smtp_server import MailServer
from tests.golden.stage import Stage
from tests.steps.mail.desk import KEY, MailDesk


@pytest.fixture
def resend() -> Iterator[ResendServer]:
    """A provider that takes everything."""
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        yield server


@pytest.fixture
def desk(stage: Stage, resend: ResendServer) -> Iterator[MailDesk]:
    """A database whose channel is on, a provider, and the graph between them."""
    desk = MailDesk(stage, resend)
    desk.switch_on()
    desk.forget()
    yield desk
    desk.forget()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server without encryption or login."""
    with MailServer().serving() as server:
        yield server
