from itertools import count

import pytest

from local.pubsub.leases import Leases
from local.pubsub.messages import Content, Message


def message(text: str) -> Message:
    return Message(Content(data=text.encode()), message_id=text, publish_time_ns=0)


@pytest.fixture
def leases() -> Leases:
    ids = count(1)
    return Leases(lambda: str(next(ids)))


def test_leases_expire_in_the_order_of_their_deadlines(leases: Leases) -> None:
    for text, deadline in (("late", 30.0), ("early", 10.0), ("middle", 20.0)):
        leases.grant(message(text), deadline)

    assert [m.message_id for m in leases.expire(20.0)] == ["early", "middle"]
    assert leases.next_deadline() == 30.0
    assert len(leases) == 1


def test_a_released_lease_does_not_expire(leases: Leases) -> None:
    ack_id = leases.grant(message("done"), 10.0)

    released = leases.release(ack_id)

    assert released == message("done")
    assert leases.release(ack_id) is None
    assert leases.next_deadline() is None
    assert leases.expire(10.0) == []


@pytest.mark.parametrize("moved_to", [5.0, 20.0])
def test_an_extended_lease_expires_once_and_at_its_new_deadline(
    leases: Leases, moved_to: float
) -> None:
    ack_id = leases.grant(message("moved"), 10.0)

    leases.extend(ack_id, moved_to)

    assert leases.next_deadline() == moved_to
    assert leases.expire(moved_to - 1) == []
    assert leases.expire(moved_to) == [message("moved")]
    assert leases.expire(100.0) == []


def test_a_lease_that_is_over_cannot_be_extended(leases: Leases) -> None:
    ack_id = leases.grant(message("gone"), 10.0)
    leases.expire(10.0)

    leases.extend(ack_id, 20.0)

    assert leases.next_deadline() is None


def test_memory_follows_what_is_outstanding(leases: Leases) -> None:
    held = leases.grant(message("held"), 600.0)
    for n in range(10_000):
        leases.release(leases.grant(message(str(n)), 600.0))
    for _ in range(10_000):
        leases.extend(held, 600.0)

    assert len(leases) == 1
    assert leases.deadline_entries < 2_000
    assert leases.expire(600.0) == [message("held")]
