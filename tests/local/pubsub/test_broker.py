from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from local.pubsub.broker import DELETED_TOPIC, Broker
from local.pubsub.errors import AlreadyExists, InvalidArgument, NotFound
from local.pubsub.messages import Content, Delivery
from local.pubsub.subscription import MAX_PULL_BYTES, Subscription, SubscriptionSettings
from tests.local.pubsub.clock import ManualClock

TOPIC = "projects/test/topics/domain-events"
SUBSCRIPTION = "projects/test/subscriptions/pipeline"
WAIT_SECONDS = 10.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def broker(clock: ManualClock) -> Broker:
    broker = Broker(clock)
    broker.create_topic(TOPIC, labels={})
    return broker


@pytest.fixture
def subscription(broker: Broker) -> Subscription:
    return broker.create_subscription(SubscriptionSettings(SUBSCRIPTION, TOPIC))


def publish(broker: Broker, *texts: str) -> list[str]:
    return broker.publish(TOPIC, [Content(data=text.encode()) for text in texts])


def texts(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.message.content.data.decode() for delivery in deliveries]


def test_messages_come_in_the_order_they_were_published(
    broker: Broker, subscription: Subscription
) -> None:
    publish(broker, "a", "b")
    publish(broker, "c")

    assert texts(subscription.pull(2)) == ["a", "b"]
    assert texts(subscription.pull(2)) == ["c"]
    assert subscription.pull(2) == []


def test_a_pull_stops_before_it_is_too_large_but_never_starves(
    broker: Broker, subscription: Subscription
) -> None:
    sizes = [MAX_PULL_BYTES + 1, MAX_PULL_BYTES // 2, MAX_PULL_BYTES // 2, 1]
    for size in sizes:
        broker.publish(TOPIC, [Content(data=bytes(size))])

    pulled = [[len(d.message.content.data) for d in subscription.pull(10)] for _ in range(3)]

    assert pulled == [sizes[:1], sizes[1:3], sizes[3:]]


def test_an_unacknowledged_message_is_redelivered_when_its_lease_ends(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    publish(broker, "again")
    [first] = subscription.pull(1)

    clock.advance(9.9)
    assert subscription.pull(1) == []
    clock.advance(0.1)
    [second] = subscription.pull(1)

    assert second.message is first.message
    assert second.ack_id != first.ack_id


def test_a_redelivery_waits_behind_newer_messages(
    broker: Broker, subscription: Subscription
) -> None:
    publish(broker, "poison", "fine")
    [poison] = subscription.pull(1)

    subscription.modify_ack_deadline([poison.ack_id], 0)

    assert texts(subscription.pull(2)) == ["fine", "poison"]


def test_an_acknowledgement_after_the_deadline_comes_too_late(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    publish(broker, "slow")
    [first] = subscription.pull(1)
    clock.advance(10)

    subscription.acknowledge([first.ack_id])

    assert texts(subscription.pull(1)) == ["slow"]


def test_a_lease_lasts_as_long_as_the_pull_asks(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    publish(broker, "long")
    subscription.pull(1, ack_deadline_seconds=60)

    clock.advance(59)
    assert subscription.pull(1) == []
    clock.advance(1)
    assert texts(subscription.pull(1)) == ["long"]


def test_a_deadline_is_counted_from_when_it_is_modified(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    publish(broker, "extended")
    [delivery] = subscription.pull(1)
    clock.advance(9)
    subscription.modify_ack_deadline([delivery.ack_id], 600)

    clock.advance(599)
    assert subscription.pull(1) == []
    clock.advance(1)
    assert texts(subscription.pull(1)) == ["extended"]


def test_an_ack_id_of_another_subscription_acknowledges_nothing(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    audit = broker.create_subscription(
        SubscriptionSettings("projects/test/subscriptions/audit", TOPIC)
    )
    publish(broker, "shared")
    [delivery] = subscription.pull(1)
    audit.pull(1)

    audit.acknowledge([delivery.ack_id])

    clock.advance(10)
    assert texts(audit.pull(1)) == ["shared"]


def test_an_ack_id_of_a_predecessor_acknowledges_nothing(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    publish(broker, "before the restart")
    [before] = subscription.pull(1)
    successor = Broker(clock)
    successor.create_topic(TOPIC, labels={})
    resumed = successor.create_subscription(SubscriptionSettings(SUBSCRIPTION, TOPIC))
    publish(successor, "after the restart")
    [after] = resumed.pull(1)

    resumed.acknowledge([before.ack_id])

    assert int(after.message.message_id) > int(before.message.message_id)
    clock.advance(10)
    assert texts(resumed.pull(1)) == ["after the restart"]


def test_one_invalid_ack_id_leaves_the_others_untouched(
    broker: Broker, subscription: Subscription, clock: ManualClock
) -> None:
    publish(broker, "kept")
    [delivery] = subscription.pull(1)

    with pytest.raises(InvalidArgument):
        subscription.acknowledge([delivery.ack_id, "nonsense"])

    clock.advance(10)
    assert texts(subscription.pull(1)) == ["kept"]


@pytest.mark.parametrize("seconds", [-1, 601])
def test_a_modified_deadline_is_between_zero_and_ten_minutes(
    subscription: Subscription, seconds: int
) -> None:
    with pytest.raises(InvalidArgument):
        subscription.modify_ack_deadline(["1"], seconds)


@pytest.mark.parametrize("seconds", [-1, 9, 601])
def test_a_subscription_gives_ten_seconds_to_ten_minutes(seconds: int) -> None:
    with pytest.raises(InvalidArgument):
        SubscriptionSettings(SUBSCRIPTION, TOPIC, ack_deadline_seconds=seconds)


def test_a_deleted_subscription_receives_nothing_and_frees_its_name(
    broker: Broker, subscription: Subscription
) -> None:
    broker.delete_subscription(SUBSCRIPTION)
    publish(broker, "unheard")

    with pytest.raises(NotFound):
        subscription.pull(1)
    successor = broker.create_subscription(SubscriptionSettings(SUBSCRIPTION, TOPIC))
    assert successor.pull(1) == []


def test_the_topic_of_an_orphan_stays_deleted_when_a_namesake_comes(
    broker: Broker, subscription: Subscription
) -> None:
    assert broker.topic_of(subscription) == TOPIC

    broker.delete_topic(TOPIC)
    broker.create_topic(TOPIC, labels={})

    assert broker.topic_of(subscription) == DELETED_TOPIC
    assert broker.topic_subscriptions(TOPIC) == []


def test_resources_belong_to_their_project(broker: Broker, subscription: Subscription) -> None:
    broker.create_topic("projects/test2/topics/other", labels={})

    assert [topic.name for topic in broker.topics("projects/test")] == [TOPIC]
    assert broker.subscriptions("projects/test") == [subscription]
    assert broker.subscriptions("projects/test2") == []


def test_a_name_is_taken_once(broker: Broker, subscription: Subscription) -> None:
    with pytest.raises(AlreadyExists):
        broker.create_topic(TOPIC, labels={})
    with pytest.raises(AlreadyExists):
        broker.create_subscription(subscription.settings)


class TestWaiting:
    """A pull that waits in its own thread."""

    @pytest.fixture
    def broker(self) -> Broker:
        broker = Broker()
        broker.create_topic(TOPIC, labels={})
        return broker

    def test_ends_with_the_first_message(self, broker: Broker, subscription: Subscription) -> None:
        with ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(subscription.pull, 10, wait_seconds=WAIT_SECONDS)
            publish(broker, "at last")

            assert texts(waiting.result(WAIT_SECONDS / 2)) == ["at last"]

    def test_ends_with_a_lease_of_someone_else(
        self, broker: Broker, subscription: Subscription
    ) -> None:
        publish(broker, "dropped")
        [delivery] = subscription.pull(1)
        with ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(subscription.pull, 10, wait_seconds=WAIT_SECONDS)
            subscription.modify_ack_deadline([delivery.ack_id], 1)

            assert texts(waiting.result(WAIT_SECONDS / 2)) == ["dropped"]

    def test_ends_when_the_subscription_is_deleted(
        self, broker: Broker, subscription: Subscription
    ) -> None:
        with ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(subscription.pull, 10, wait_seconds=WAIT_SECONDS)
            broker.delete_subscription(SUBSCRIPTION)

            with pytest.raises(NotFound):
                waiting.result(WAIT_SECONDS / 2)

    def test_leaves_the_message_to_others_when_its_caller_has_gone(
        self, broker: Broker, subscription: Subscription
    ) -> None:
        gone: Future[None] = Future()
        with ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(
                subscription.pull, 10, wait_seconds=WAIT_SECONDS, abandoned=gone.done
            )
            gone.set_result(None)
            subscription.wake()
            publish(broker, "for the living")

            assert waiting.result(WAIT_SECONDS / 2) == []
            assert texts(subscription.pull(1)) == ["for the living"]

    def test_shares_nothing_with_other_pulls_and_misses_nothing(
        self, broker: Broker, subscription: Subscription
    ) -> None:
        def drain() -> list[str]:
            drained: list[str] = []
            while batch := subscription.pull(7, wait_seconds=0.5):
                drained += texts(batch)
                subscription.acknowledge([delivery.ack_id for delivery in batch])
            return drained

        with ThreadPoolExecutor(8) as executor:
            readers = [executor.submit(drain) for _ in range(4)]
            writers = [
                executor.submit(publish, broker, *(f"{writer}-{n}" for n in range(500)))
                for writer in range(4)
            ]
            ids = [id_ for writer in writers for id_ in writer.result()]
            received = [text for reader in readers for text in reader.result()]

        assert len(set(ids)) == 2_000
        assert sorted(received) == sorted(f"{w}-{n}" for w in range(4) for n in range(500))
