"""A wake-up leaves the waiting room once its row is visible, or after the time limit."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1 import types

from local.pubsub import Emulator
from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.pubsub.subscription import Subscription, open_subscription
from pipeline.domain.errors import LockTimeout
from pipeline.domain.identifiers import EventId
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import DatabaseSettings
from pipeline.sources.waiting_room import (
    BACKOFF,
    MOST_POSTPONED,
    Postpone,
    PutOff,
    WaitingRoom,
    open_waiting_room,
)
from tests.builders import message
from tests.databases import Database
from tests.deadline import wait_until
from tests.local.pubsub.project import Project

SHORT = timedelta(seconds=0.2)
LONG = timedelta(minutes=1)


@dataclass(slots=True)
class Door:
    """Records the wake-ups that leave."""

    left: list[WakeUp] = field(default_factory=list)

    def __call__(self, wake_ups: Sequence[WakeUp]) -> None:
        self.left += wake_ups

    def wait_for(self, number: int) -> list[WakeUp]:
        """Wait until so many wake-ups have left, and return them."""
        wait_until(lambda: len(self.left) >= number, seconds=20, what=f"{number} have left")
        return self.left


@pytest.fixture
def settings(database: Database) -> Iterator[DatabaseSettings]:
    """Settings with a long ``visible_within``."""
    yield DatabaseSettings(dsn=database.writer_dsn, visible_within=LONG)
    wait_until(lambda: waiting_threads() == 0, seconds=90, what="nobody waits any more")
    close_pools()


def wake_up(event_id: int, receipt: str = "") -> WakeUp:
    return WakeUp.of(message(event_id=str(event_id)), receipt)


def insert(connection: psycopg.Connection, *ids: int) -> None:
    for event_id in ids:
        connection.execute(
            "INSERT INTO domain_events (id, event_type) VALUES (%s, 'moon_rose')", [event_id]
        )


def waiting_threads() -> int:
    return sum(thread.name == "waiting room" for thread in threading.enumerate())


def test_who_waits_leaves_when_the_row_is_seen_and_says_so(
    database: Database, settings: DatabaseSettings
) -> None:
    door = Door()
    room = WaitingRoom(settings, door)
    with psycopg.connect(database.dsn) as connection:
        insert(connection, 1, 2)
        room.admit([wake_up(1), wake_up(2), wake_up(3)])
        # This room looks as often but for a shorter time, and sees no row.
        short = Door()
        WaitingRoom(replace(settings, visible_within=SHORT), short).admit([wake_up(1)])
        short.wait_for(1)
        assert door.left == []
        connection.commit()
    assert sorted(door.wait_for(2), key=lambda each: each.event_id or 0) == [
        replace(wake_up(number), waited=True) for number in (1, 2)
    ]
    with database.connect() as connection:
        insert(connection, 3)
    assert door.wait_for(3)[-1] == replace(wake_up(3), waited=True)


def test_who_waits_in_vain_leaves_when_it_has_been_long_enough(settings: DatabaseSettings) -> None:
    door = Door()
    started = time.monotonic()
    WaitingRoom(replace(settings, visible_within=SHORT), door).admit([wake_up(1)])
    assert door.wait_for(1) == [replace(wake_up(1), waited=True)]
    assert time.monotonic() - started >= SHORT.total_seconds()


def test_all_who_wait_for_one_row_leave_together(
    database: Database, settings: DatabaseSettings
) -> None:
    door = Door()
    room = WaitingRoom(settings, door)
    room.admit([wake_up(1, "a"), wake_up(1, "b")])
    room.admit([wake_up(1, "c")])
    with database.connect() as connection:
        insert(connection, 1)
    assert {each.receipt for each in door.wait_for(3)} == {"a", "b", "c"}


def test_one_thread_waits_for_all_and_ends_with_the_last(
    database: Database, settings: DatabaseSettings
) -> None:
    door = Door()
    room = WaitingRoom(settings, door)
    for event_id in range(1, 51):
        room.admit([wake_up(event_id)])
    assert waiting_threads() == 1
    with database.connect() as connection:
        insert(connection, *range(1, 51))
    door.wait_for(50)
    wait_until(lambda: waiting_threads() == 0, seconds=20, what="the thread has ended")
    room.admit([wake_up(51)])
    with database.connect() as connection:
        insert(connection, 51)
    assert door.wait_for(51)[-1].event_id == 51


def test_who_is_put_off_leaves_after_a_while_that_doubles_up_to_a_bound(
    settings: DatabaseSettings,
) -> None:
    assert [BACKOFF.pause(tries) for tries in range(7)] == [1, 2, 4, 8, 15, 15, 15]
    door = Door()
    room = WaitingRoom(settings, door)
    started = time.monotonic()
    room.put_off([wake_up(1, "a"), replace(wake_up(2, "b"), tries=2)])
    assert door.wait_for(1) == [replace(wake_up(1, "a"), waited=True, tries=1)]
    # The other one stays much longer, so that a slow machine does not take them for one.
    assert BACKOFF.pause(0) <= time.monotonic() - started < BACKOFF.pause(2)
    assert door.wait_for(2)[1:] == [replace(wake_up(2, "b"), waited=True, tries=3)]
    assert time.monotonic() - started >= BACKOFF.pause(2)


def test_who_waits_for_a_time_and_who_for_a_row_do_not_wait_for_each_other(
    database: Database, settings: DatabaseSettings
) -> None:
    door = Door()
    room = WaitingRoom(settings, door)
    room.put_off([replace(wake_up(1), tries=3)])
    # A second wake-up of an event leaves with the first.
    room.put_off([wake_up(1, "again")])
    room.admit([wake_up(2)])
    assert waiting_threads() == 1
    with database.connect() as connection:
        insert(connection, 1, 2)
    assert [each.event_id for each in door.wait_for(1)] == [2]
    assert [(each.event_id, each.tries) for each in door.wait_for(3)[1:]] == [(1, 4), (1, 1)]


def test_who_names_no_event_does_not_wait(settings: DatabaseSettings) -> None:
    door = Door()
    WaitingRoom(settings, door).admit([WakeUp.of(message(event_id=None))])
    WaitingRoom(settings, door).admit([])
    assert (waiting_threads(), door.left) == (0, [])


def test_where_postgres_is_away_nobody_waits_for_ever() -> None:
    away = DatabaseSettings(
        dsn="postgresql://nobody@127.0.0.1:1/x", visible_within=SHORT, retry_for=SHORT
    )
    door = Door()
    WaitingRoom(away, door).admit([wake_up(1)])
    assert door.wait_for(1) == [replace(wake_up(1), waited=True)]
    wait_until(lambda: waiting_threads() == 0, seconds=20, what="nobody waits any more")
    close_pools()


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A subscription of an emulator that the subscriber of the process uses."""
    with Emulator() as emulator:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
        publisher, subscriber = PublisherClient(), SubscriberClient()
        with publisher, subscriber:
            yield Project(publisher, subscriber)
            publisher.stop()


@pytest.fixture
def subscription(project: Project) -> Iterator[Subscription]:
    """The process's object for the subscription."""
    opened = open_subscription(project.subscription)
    yield opened
    opened.close()
    open_subscription.cache_clear()
    open_waiting_room.cache_clear()


def publish(project: Project, *ids: int) -> None:
    project.publish_messages(
        [types.PubsubMessage(data=b"x", attributes={"id": str(each)}) for each in ids]
    )


def taken(subscription: Subscription, number: int) -> list[WakeUp]:
    """Take the given number of wake-ups."""
    found: list[WakeUp] = []

    def enough() -> bool:
        found.extend(subscription.take())
        return len(found) >= number

    wait_until(enough, seconds=20, what=f"{number} wake-ups are taken")
    return found


def receipts(wake_ups: Sequence[WakeUp]) -> list[str]:
    return [each.receipt for each in wake_ups if each.receipt is not None]


def test_what_is_postponed_is_acknowledged_only_when_it_has_come_again(
    database: Database, settings: DatabaseSettings, project: Project, subscription: Subscription
) -> None:
    first = EventId(uuid4().int >> 66)
    late = EventId(first + 1)
    publish(project, first, late)
    wake_ups = taken(subscription, 2)
    unseen = [each for each in wake_ups if each.event_id == late]
    assert Postpone(project.subscription)(settings, unseen) == ()
    subscription.acknowledge(receipts(wake_ups))
    assert subscription.acknowledged == 1
    with database.connect() as connection:
        insert(connection, late)
    again = taken(subscription, 1)
    assert again == [replace(unseen[0], waited=True)]
    subscription.acknowledge(receipts(again))
    assert subscription.acknowledged == 2
    assert subscription.give_back() == 0


def test_what_is_put_off_by_its_event_is_acknowledged_only_when_it_has_come_again(
    settings: DatabaseSettings, project: Project, subscription: Subscription
) -> None:
    first = EventId(uuid4().int >> 66)
    locked = EventId(first + 1)
    publish(project, first, locked, locked)
    wake_ups = taken(subscription, 3)
    PutOff(settings, project.subscription)([locked])
    assert subscription.postponed == 2
    subscription.acknowledge(receipts(wake_ups))
    assert subscription.acknowledged == 1
    again = taken(subscription, 2)
    assert {(each.event_id, each.tries) for each in again} == {(locked, 1)}
    subscription.acknowledge(receipts(again))
    assert (subscription.acknowledged, subscription.postponed) == (3, 0)
    assert subscription.give_back() == 0


def test_there_is_an_end_to_what_can_be_put_off(
    settings: DatabaseSettings, project: Project, subscription: Subscription
) -> None:
    event_id = EventId(uuid4().int >> 66)
    publish(project, event_id)
    taken(subscription, 1)
    subscription.postpone([wake_up(event_id, str(number)) for number in range(MOST_POSTPONED + 1)])
    with pytest.raises(LockTimeout, match="more than 10,000 events need a row that is locked"):
        PutOff(settings, project.subscription)([event_id])


def test_what_was_given_back_comes_again_from_pub_sub_and_not_from_the_waiting_room(
    database: Database, settings: DatabaseSettings, project: Project, subscription: Subscription
) -> None:
    late = EventId(uuid4().int >> 66)
    publish(project, late)
    unseen = taken(subscription, 1)
    Postpone(project.subscription)(settings, unseen)
    assert subscription.give_back() == 1
    with database.connect() as connection:
        insert(connection, late)
    (again,) = taken(subscription, 1)
    assert (again.event_id, again.waited) == (late, False)
    assert again.receipt != unseen[0].receipt


def test_a_stop_does_not_wait_for_what_is_postponed(
    database: Database, settings: DatabaseSettings, project: Project, subscription: Subscription
) -> None:
    late = EventId(uuid4().int >> 66)
    publish(project, late)
    Postpone(project.subscription)(settings, taken(subscription, 1))
    subscription.stop()
    wait_until(lambda: subscription.finished, seconds=20, what="nothing is left to be taken")
    assert subscription.close() == 1
    with database.connect() as connection:
        insert(connection, late)
    wait_until(lambda: waiting_threads() == 0, seconds=20, what="nobody waits any more")
    assert subscription.finished
