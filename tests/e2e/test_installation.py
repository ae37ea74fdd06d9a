"""Events go through Debezium and Pub/Sub: without one of them, no event arrives."""

import pytest

from local import topics
from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e


def test_an_inserted_event_becomes_a_notification(installation: Installation) -> None:
    installation.wait_for(installation.insert())


def test_without_debezium_nothing_arrives_until_it_is_back(installation: Installation) -> None:
    installation.wait_for(installation.insert())
    debezium = installation.stack.debezium
    assert debezium is not None
    debezium.stop()
    event = installation.insert()
    assert installation.stays_away(event)
    debezium.start()
    installation.wait_for(event)


def test_without_pubsub_nothing_arrives_until_it_is_back(installation: Installation) -> None:
    installation.wait_for(installation.insert())
    debezium = installation.stack.debezium
    assert debezium is not None
    installation.emulator.stop()
    event = installation.insert()
    assert installation.stays_away(event)
    debezium.kill()
    installation.worker.stop()
    topics.create(installation.emulator.start())
    debezium.start()
    installation.worker.start()
    installation.wait_for(event)


def test_without_the_pipeline_nothing_arrives_until_it_is_back(
    installation: Installation,
) -> None:
    installation.worker.stop()
    event = installation.insert()
    assert installation.stays_away(event)
    installation.worker.start()
    installation.wait_for(event)
