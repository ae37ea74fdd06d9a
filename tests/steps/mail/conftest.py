"""The fixture of the mail tests."""

from collections.abc import Iterator

import pytest

from tests.golden.stage import Stage
from tests.steps.mail.desk import MailDesk, mail_desk


@pytest.fixture
def desk(stage: Stage) -> Iterator[MailDesk]:
    """A database, a provider, and the graph between them."""
    with mail_desk(stage) as desk:
        yield desk
