"""The fixture of the push tests."""

from collections.abc import Iterator

import pytest

from tests.golden.stage import Stage
from tests.steps.push.desk import PushDesk, open_desk


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    """A database whose channels are on, a bus, an FCM, and the graph between them."""
    with open_desk(stage) as desk:
        yield desk
