"""Fixtures for tests of the service."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.pubsub.publish import get_publisher
from tests.databases import Database, Databases
from tests.golden.stage import Stage
from tests.service.api import Api, asked
from tests.service.reactions import ReactionApi, headers_of, served
from tests.steps.reactions.board import Board
from tests.streams import Broker, broker


@pytest.fixture(scope="module")
def shared_database(databases: Databases) -> Iterator[Database]:
    """A database that the tests of a module share: each start of the service takes a second."""
    with databases.migrated() as database:
        yield database
        close_pools()


@pytest.fixture
def api(stage: Stage) -> Iterator[Api]:
    """The API on the golden stage."""
    with asked(stage) as made:
        yield made


@pytest.fixture(scope="module")
def reaction_broker() -> Iterator[Broker]:
    """The topic that the graph of reactions reads."""
    with pytest.MonkeyPatch.context() as patch, broker() as made:
        patch.setenv("PUBSUB_EMULATOR_HOST", made.emulator.address)
        get_publisher.cache_clear()
        yield made
        get_publisher().stop()
        get_publisher.cache_clear()


@pytest.fixture(scope="module")
def whole_reaction_api(databases: Databases, reaction_broker: Broker) -> Iterator[ReactionApi]:
    """The API over a database with reactions only, for all tests of a module."""
    with databases.with_reactions() as database:
        with served(database, headers_of(database)) as client:
            yield ReactionApi(Board(database), client, reaction_broker)
        close_pools()


@pytest.fixture
def reaction_api(whole_reaction_api: ReactionApi) -> Iterator[ReactionApi]:
    """The same, without the events and messages of the test before."""
    yield replace(whole_reaction_api, board=Board(whole_reaction_api.board.database))
    whole_reaction_api.board.execute(
        "TRUNCATE reactions.events, fanout.reactions, fanout.reaction_webhooks, fanout.attempts,"
        " reactions.community_requests, fanout.job_runs, reactions.agent_tasks,"
        " event_dead_letters, fanout_replays, fanout.replay_plans, fanout.graph_topics,"
        " fanout.unpublished_letters"
    )
    whole_reaction_api.published()
