"""The Pub/Sub emulator that a stream reads from."""

from collections.abc import Iterator

import pytest

from tests.streams import Broker, broker


@pytest.fixture
def events() -> Iterator[Broker]:
    """Start an emulator with the topics of a stream."""
    with broker() as made:
        yield made
