"""Endpoints on this machine, and a client that may reach them."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest

from pipeline.clients.webhooks.client import WebhookClient
from pipeline.settings.outgoing_webhooks import OutgoingSettings
from tests.clients.webhooks.receiver import Receiver

KEY = "canary-key-of-the-tests-0123456789abcdef"
HERE = ip_network("127.0.0.1/32")


def settings(**values: object) -> OutgoingSettings:
    fields = {"keys": (KEY,), "allowed": (HERE,), "timeout": timedelta(seconds=10), **values}
    return OutgoingSettings(**fields)  # type: ignore[arg-type]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture
def webhooks() -> Iterator[WebhookClient]:
    with WebhookClient(settings()) as client:
        yield client
