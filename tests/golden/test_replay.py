"""Events arrive in any order and number: the tables are as if each had arrived once."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp
from pipeline.facts.rows import used_keys
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.outcomes import write_outcomes
from pipeline.steps.decide import decide_batch, leave_batch_unrouted
from pipeline.steps.decode import decode_batch
from pipeline.steps.fetch import fetch_batch
from pipeline.steps.route import by_type
from tests.databases import Databases
from tests.golden.events import emit_golden_events
from tests.golden.picture import Picture, picture
from tests.golden.stage import Stage
from tests.golden.world import P1, U2, populate

WRITERS: Final = 4
PAYLOADS: Final = {name: handler.payload for name, handler in HANDLERS.items()}
USED: Final = used_keys(PAYLOADS)


def process(settings: DatabaseSettings, messages: Sequence[Message]) -> None:
    """Process a batch as the graph does, one branch after the other."""
    wake_ups = [WakeUp.of(message) for message in messages]
    batch = fetch_batch(settings, wake_ups, USED)
    assert (batch.unseen, batch.large) == ([], [])
    fetched = batch.fetched
    decoded = decode_batch(fetched.rows, PAYLOADS)
    decided = [leave_batch_unrouted(decoded.unrouted)]
    for event_type, events in by_type(decoded.events).items():
        decided.append(decide_batch(settings, HANDLERS[event_type], events, Policy()))
    letters = [*fetched.letters, *decoded.letters]
    for each in decided:
        letters += each.letters
        letters += write_outcomes(settings, each.outcomes).letters
    if letters:
        write_dead_letters(settings, None, letters, mark_dead)


def bundles(messages: Sequence[Message], chance: random.Random) -> Iterator[list[Message]]:
    """Cut the messages, in their order, into bundles of any size."""
    rest = list(messages)
    while rest:
        size = chance.randint(1, 20)
        yield rest[:size]
        rest = rest[size:]


def settings_of(stage: Stage) -> DatabaseSettings:
    return DatabaseSettings(dsn=stage.database.writer_dsn, pool_size=WRITERS)


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """The golden world with all the golden events."""
    emit_golden_events(stage)
    return stage


@pytest.fixture(scope="module")
def once_in_order(databases: Databases) -> Iterator[Picture]:
    """The rows after each event was processed once, in order."""
    with databases.migrated() as database:
        with database.connect() as connection:
            populate(connection)
        stage = Stage(database)
        emit_golden_events(stage)
        for message in stage.messages():
            process(settings_of(stage), [message])
        yield picture(stage)


def test_the_golden_events_are_of_every_type_and_come_to_every_end(once_in_order: Picture) -> None:
    ledger = once_in_order["ledger"]
    assert {row[1] for row in ledger if row[4] or row[5]} == set(HANDLERS)
    assert {row[2] for row in ledger} == {"completed", "expired", "unrouted", "dead"}
    assert {row[3] for row in once_in_order["decisions"]} == {
        "actor",
        "already_nudged",
        "muted:global",
        "muted:project",
        "muted:thread",
        "no_access",
        "not_eligible",
        "not_owner",
    }
    assert all(once_in_order.values())


def test_the_graph_over_all_events_at_once_leads_to_the_same(
    stage: Stage, once_in_order: Picture
) -> None:
    stage.deliver()
    assert picture(stage) == once_in_order


@pytest.mark.parametrize("seed", range(6))
def test_twice_shuffled_and_by_four_writers_at_once_leads_to_the_same(
    stage: Stage, once_in_order: Picture, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - drawn alike in every run
    messages = stage.messages() * 2
    chance.shuffle(messages)
    settings = settings_of(stage)
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda bundle: process(settings, bundle), bundles(messages, chance)))
    assert picture(stage) == once_in_order


def test_a_replay_of_everything_that_is_done_changes_nothing(
    stage: Stage, once_in_order: Picture
) -> None:
    for _ in range(2):
        process(settings_of(stage), stage.messages())
        assert picture(stage) == once_in_order


def test_without_the_ledger_a_replay_would_show(stage: Stage, once_in_order: Picture) -> None:
    process(settings_of(stage), stage.messages())
    stage.execute("DELETE FROM notification_processing")
    process(settings_of(stage), stage.messages())
    again = picture(stage)
    changed = {name for name, rows in once_in_order.items() if again[name] != rows}
    assert changed == {"notifications"}


def test_of_many_like_nudges_at_once_only_the_first_of_each_tier_tells(stage: Stage) -> None:
    stage.execute("DELETE FROM domain_events")
    tiers = range(1, 4)
    first: dict[int, int] = {}
    for number in range(60):
        tier = number % len(tiers) + 1
        payload = {"resume_type": "project", "completion_percent": 9, "nudge_tier": tier}
        event = stage.emit("resume_incomplete_nudge", payload | {"user_id": str(U2)}, project_id=P1)
        first.setdefault(tier, event)
    chance = random.Random(0)  # noqa: S311 - drawn alike in every run
    messages = stage.messages() * 3
    chance.shuffle(messages)
    settings = settings_of(stage)
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda bundle: process(settings, bundle), bundles(messages, chance)))
    told = {row.payload["nudge_tier"]: row.event for row in stage.notifications()}
    assert told == first
    assert len(stage.notifications()) == len(stage.emails()) == len(tiers)
