from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.identifiers import EventId, ProjectId, ThreadId, UserId
from pipeline.fanout.audience import Audience, NamedUser
from pipeline.fanout.decide import Policy
from pipeline.fanout.effects import Effect
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.outcome import Status
from pipeline.settings import DatabaseSettings
from pipeline.steps.decide import decide_batch, leave_batch_unrouted
from tests.builders import GREETED, Greeted, GreetedHandler, event
from tests.golden.stage import Stage
from tests.golden.world import U2
from tests.transforms.graphs import NOWHERE

BOB: Final = UserId(U2)
SOON: Final = timedelta(seconds=0.2)


@pytest.fixture(autouse=True)
def pools() -> Iterator[None]:
    """Close the connections of each test."""
    yield
    close_pools()


@dataclass(frozen=True)
class Fragile(GreetedHandler):
    """Greets Bob. An event can make one of its methods raise."""

    def audience(self, event: Event[Greeted]) -> Audience:
        raise_if(event, "audience")
        return NamedUser(BOB)

    def project_id(self, event: Event[Greeted]) -> ProjectId | None:
        raise_if(event, "project")
        return event.project_id


def raise_if(event: Event[Greeted], what: str) -> None:
    if event.payload.greeting == what:
        raise KeyError(what)


def settings_of(stage: Stage) -> DatabaseSettings:
    # These events have no rows. Deciding needs none.
    return DatabaseSettings(dsn=stage.database.writer_dsn)


def greeting(event_id: int, text: str = "hello") -> Event[Greeted]:
    return event(event_id, payload=Greeted(greeting=text), created_at=datetime.now(UTC))


def test_a_batch_is_decided_in_its_order(stage: Stage) -> None:
    events = [greeting(number) for number in (3, 1, 2)]
    decided = decide_batch(settings_of(stage), Fragile(), events, Policy())
    assert decided.letters == []
    assert [outcome.event_id for outcome in decided.outcomes] == [3, 1, 2]
    assert all(user == BOB for outcome in decided.outcomes for user, _ in outcome.effects)
    assert [len(outcome.effects) for outcome in decided.outcomes] == [2, 2, 2]


def test_an_event_whose_facts_postgres_refuses_is_buried_alone(stage: Stage) -> None:
    unreadable = ThreadId(uuid4())
    stage.execute("ALTER TABLE chat_threads RENAME TO kept_threads")
    stage.execute(
        "CREATE VIEW chat_threads AS SELECT * FROM kept_threads"  # noqa: S608 - a UUID follows
        f" WHERE 1 / (CASE id WHEN '{unreadable}' THEN 0 ELSE 1 END) = 1"
    )
    stage.execute("GRANT SELECT ON chat_threads TO fanout_writer")
    stage.execute(
        "INSERT INTO kept_threads (id, project_id) SELECT %s, project_id FROM kept_threads LIMIT 1",
        unreadable,
    )
    events = [greeting(number) for number in range(1, 6)]
    events[3] = replace(events[3], thread_id=unreadable)
    decided = decide_batch(settings_of(stage), Fragile(), events, Policy())
    assert [outcome.event_id for outcome in decided.outcomes] == [1, 2, 3, 5]
    (letter,) = decided.letters
    assert (letter.event_id, letter.stage, letter.error_class) == (
        4,
        "decide",
        "RejectedByDatabase",
    )
    assert "22012" in letter.reason


@pytest.mark.parametrize("method", ["audience", "decide", "project"])
def test_an_event_whose_handler_raises_is_buried_alone(stage: Stage, method: str) -> None:
    class Failing(Fragile):
        def decide(self, event: Event[Greeted], person: Person, facts: Facts) -> Iterable[Effect]:
            raise_if(event, "decide")
            return super().decide(event, person, facts)

    events = [greeting(1), greeting(2, method), greeting(3)]
    decided = decide_batch(settings_of(stage), Failing(), events, Policy())
    assert [outcome.event_id for outcome in decided.outcomes] == [1, 3]
    (letter,) = decided.letters
    assert (letter.event_id, letter.stage, letter.error_class) == (2, "decide", "HandlerFailed")
    assert (letter.event_type, letter.message) == (GREETED, None)


def test_the_age_of_an_event_is_counted_from_now_unless_a_replay_wants_it(stage: Stage) -> None:
    old = replace(greeting(1), created_at=datetime.now(UTC) - timedelta(hours=25))
    events = [old, greeting(2), replace(old, id=EventId(3), ignore_age=True)]
    decided = decide_batch(settings_of(stage), Fragile(), events, Policy())
    assert [outcome.status for outcome in decided.outcomes] == [
        Status.EXPIRED,
        Status.COMPLETED,
        Status.COMPLETED,
    ]


def test_without_facts_nothing_is_decided() -> None:
    unreachable = replace(NOWHERE, dsn="postgresql://nobody@127.0.0.1:1/x", retry_for=SOON)
    with pytest.raises(TransientError):
        decide_batch(unreachable, Fragile(), [greeting(1)], Policy())


def test_without_a_table_of_facts_the_fix_is_named(stage: Stage) -> None:
    stage.execute("DROP TABLE user_notification_preferences")
    with pytest.raises(ConfigurationError, match="see: python -m pipeline doctor"):
        decide_batch(settings_of(stage), Fragile(), [greeting(1)], Policy())


def test_unrouted_events_are_recorded_as_such() -> None:
    events = [Unrouted(id=EventId(n), type=GREETED) for n in (1, 2)]
    decided = leave_batch_unrouted(events)
    assert decided.letters == ()
    assert [(outcome.event_id, outcome.status) for outcome in decided.outcomes] == [
        (1, Status.UNROUTED),
        (2, Status.UNROUTED),
    ]
