"""The fixtures of the webhook tests."""

from collections.abc import Iterator

import pytest

from tests.clients.webhooks.receiver import Receiver
from tests.golden.stage import Stage
from tests.steps.webhooks.desk import WebhookDesk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint that takes everything."""
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture
def desk(stage: Stage) -> Iterator[WebhookDesk]:
    """A database whose channel is on."""
    desk = WebhookDesk(stage)
    desk.switch_on()
    desk.forget()
    yield desk
    desk.forget()
