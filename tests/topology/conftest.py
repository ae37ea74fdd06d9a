"""The broker that a stream reads from."""

from collections.abc import Iterator

import pytest

from tests.streams import Broker, broker


@pytest.fixture
def events() -> Iterator[Broker]:
    """An emulator with the topics of a stream."""
    with broker() as made:
        yield made
