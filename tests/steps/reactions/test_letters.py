"""Dead letters reach their topic, even if the process dies before it publishes them."""

from collections.abc import Iterator
from uuid import UUID

import apache_beam as beam
import pytest

from pipeline.clients.pubsub.publish import get_publisher
from pipeline.domain.wake_up import WakeUp
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.sinks.unpublished_letters import publish_unpublished
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from pipeline.topology.ends import Store
from pipeline.topology.reactions import ReactionsTopology
from tests.steps.reactions.board import Board
from tests.streams import SUBSCRIPTION, TOPIC, Broker, broker

NOTED = "SELECT letter_key, topic FROM fanout.unpublished_letters ORDER BY 1"
INVALID = {"userId": "nobody"}


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """The topic to which dead letters are published."""
    with broker() as made:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", made.emulator.address)
        get_publisher.cache_clear()
        yield made
        get_publisher().stop()
        get_publisher.cache_clear()


def settings_of(board: Board) -> DatabaseSettings:
    return board.reactor().database


def run(board: Board, topic: str | None) -> None:
    """Run the graph once."""
    reactor = board.reactor()
    topology = ReactionsTopology(
        reactor=reactor, ends=Store(reactor.database, dead_letter_topic=topic)
    )
    pipeline = local_pipeline()
    wake_ups: list[WakeUp] = []
    topology.build(pipeline, beam.Create([wake_ups], reshuffle=False))
    pipeline.run().wait_until_finish()


def dies_before_it_publishes(board: Board) -> UUID:
    event = board.event("user.verified", INVALID)
    reactor = board.reactor()
    leases = ReactionClaims(reactor).claim([event])
    write_reaction_results(reactor.database, react(reactor, leases), topic=TOPIC)
    assert board.state(event)[0] == "dead"
    return event


def published(pubsub: Broker) -> list[str]:
    return sorted(each.attributes["dead_letter_key"] for each in pubsub.take(SUBSCRIPTION))


def a_minute_later(board: Board) -> None:
    board.execute("UPDATE fanout.unpublished_letters SET due_at = due_at - interval '1 minute'")


def test_a_dead_letter_is_published_and_no_longer_noted(board: Board, pubsub: Broker) -> None:
    event = board.event("user.verified", INVALID)
    run(board, TOPIC)
    assert board.state(event)[0] == "dead"
    assert published(pubsub) == [f"events:{event}"]
    assert board.rows(NOTED) == []


def test_what_a_process_has_not_published_another_one_publishes_after_a_minute(
    board: Board, pubsub: Broker
) -> None:
    event = dies_before_it_publishes(board)
    assert publish_unpublished(settings_of(board), TOPIC) == 0
    assert board.rows(NOTED) == [(f"events:{event}", TOPIC)]
    a_minute_later(board)
    # Who has another topic leaves it alone.
    assert publish_unpublished(settings_of(board), "projects/other/topics/letters") == 0
    assert published(pubsub) == []
    assert publish_unpublished(settings_of(board), TOPIC) == 1
    [message] = pubsub.take(SUBSCRIPTION)
    [(fingerprint, reason)] = board.rows("SELECT fingerprint, message FROM event_dead_letters")
    assert message.attributes["dead_letter_key"] == f"events:{event}"
    assert message.attributes["dead_letter_fingerprint"] == fingerprint
    assert message.attributes["dead_letter_reason"] == reason
    assert board.rows(NOTED) == []
    assert publish_unpublished(settings_of(board), TOPIC) == 0


def test_without_a_topic_nothing_is_noted(board: Board) -> None:
    board.event("user.verified", INVALID)
    run(board, None)
    assert len(board.rows("SELECT FROM event_dead_letters")) == 1
    assert board.rows(NOTED) == []
