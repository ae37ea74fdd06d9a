from collections.abc import Iterator

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from local.pubsub import Emulator
from tests.local.pubsub.google_emulator import Unusable, google_emulator
from tests.local.pubsub.project import Project


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    """The address of our emulator."""
    with Emulator() as emulator:
        yield emulator.address


@pytest.fixture(scope="module")
def googles() -> Iterator[str]:
    """The address of Google's emulator; skips the test if it can't run here."""
    try:
        with google_emulator() as address:
            yield address
    except Unusable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def address(ours: str) -> str:
    """The emulator under test; the contract suite overrides it with each implementation."""
    return ours


@pytest.fixture
def publisher(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublisherClient]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    client = PublisherClient()
    with client:
        yield client
        client.stop()


@pytest.fixture
def subscriber(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SubscriberClient]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    client = SubscriberClient()
    with client:
        yield client


@pytest.fixture
def project(publisher: PublisherClient, subscriber: SubscriberClient) -> Project:
    """A new project with one topic and one subscription."""
    return Project(publisher, subscriber)
