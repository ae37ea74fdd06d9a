"""Pub/Sub that loses its messages in a restart, or delivers them repeatedly or in any order."""

import random
from contextlib import ExitStack

from tests.deadline import wait_until
from tests.torture.figures import Figures
from tests.torture.lives import Life
from tests.torture.rig import Rig
from tests.torture.scale import SCALE

LOT = 200
COPIES = 10
# A pull takes a thousand. The rest is in Pub/Sub when it stops.
MORE_THAN_A_PULL = 3_000
WRITERS = 4
# Each restart doubles the pause before the next try.
RESTARTS_OF_A_LIFE = 4


def restart_often(rig: Rig, restarts: int) -> None:
    """Restart Pub/Sub while it holds messages, several times in each life."""
    for start in range(0, restarts, RESTARTS_OF_A_LIFE):
        life = rig.live()
        try:
            for _ in range(min(RESTARTS_OF_A_LIFE, restarts - start)):
                rig.feed(MORE_THAN_A_PULL)
                life = get_on(rig, life)
                rig.pubsub.stop()
                rig.pubsub.start()
        finally:
            life.kill()


def get_on(rig: Rig, life: Life) -> Life:
    """Return when one more event is done, with the life that did it.

    A life ends when Pub/Sub is back before its subscription. Then another life starts.
    """
    target = rig.done() + 1

    def stands_still() -> bool:
        return rig.done() < target and life.is_running

    wait_until(lambda: not stands_still(), seconds=60, what="it reads again, or gives up")
    if rig.done() >= target:
        return life
    assert "does not exist: create it" in life.log, life.log
    return get_on(rig, rig.live())


def test_restarts_of_pubsub_lose_messages_that_catch_up_finds(rig: Rig, figures: Figures) -> None:
    restart_often(rig, SCALE.emulator_restarts)
    missing = rig.pending()
    assert missing > 0, "no message was lost: nothing is proved"
    rig.catch_up()
    audit = rig.audit()
    assert audit.is_clean, audit
    figures.found(
        4,
        "Restart of Pub/Sub with the loss of all its messages, then catch-up",
        SCALE.emulator_restarts,
        audit,
        f"{missing:,} events completed by catch-up",
    )


def test_control_without_catch_up_a_restart_of_pubsub_loses_events(
    rig: Rig, figures: Figures
) -> None:
    rig.feed(LOT)
    rig.pubsub.stop()
    rig.pubsub.start()
    rig.feed(10)
    audit = rig.run_dry()
    assert audit.lost_events > 0, audit
    figures.caught(
        5,
        "no catch-up after Pub/Sub lost its messages",
        f"one restart: {audit.lost_events:,} events lost",
    )


def deliver_copies(rig: Rig, events: int) -> None:
    """Deliver each event ten times, in a random order, to four lives."""
    with ExitStack() as stack:
        lives = [stack.enter_context(rig.live()) for _ in range(WRITERS)]
        while not all(life.has_pulled for life in lives):
            rig.feed(WRITERS)
            wait_until(lambda: rig.pending() == 0, seconds=60, what="they read")
        for _ in range(events // LOT):
            messages = rig.load.insert(LOT)
            for _ in range(COPIES):
                random.shuffle(messages)
                rig.pubsub.publish(messages)
        rig.wait_for(lives[0], len(rig.load.events))
        wait_until(rig.pubsub.is_idle, seconds=300, what="every copy is read")
        for life in lives:
            life.stop()


def test_ten_copies_of_each_event_at_four_writers_count_once(rig: Rig, figures: Figures) -> None:
    deliver_copies(rig, SCALE.copied_events)
    audit = rig.audit()
    assert audit.is_clean, audit
    assert rig.deadlocks() == 0
    figures.found(
        7,
        f"Each event delivered {COPIES} times, shuffled, to {WRITERS} writers at once",
        SCALE.copied_events * COPIES,
        audit,
        "no deadlock",
    )


def test_the_order_of_messages_does_not_matter(rig: Rig, figures: Figures) -> None:
    lot = 200
    with rig.live() as life:
        for _ in range(SCALE.orders):
            # Shuffled by the load; the latest first is the order that a redelivery makes likely.
            messages = rig.load.insert(lot)
            messages.sort(key=lambda message: -int(message.attributes["id"]))
            rig.pubsub.publish(messages)
            rig.feed(lot)
            rig.wait_for(life, len(rig.load.events))
        life.stop()
    audit = rig.audit()
    assert audit.is_clean, audit
    figures.found(8, "Messages backwards, and in a random order", 2 * SCALE.orders, audit)
