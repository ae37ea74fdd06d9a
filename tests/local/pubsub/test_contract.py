"""The contract with clients: tested on our emulator, and on Google's if it can run here."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import types

from tests.local.pubsub.inbox import Inbox
from tests.local.pubsub.project import SOON_SECONDS, Project, text_of


@pytest.fixture(params=["ours", "googles"])
def address(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


class TestPublishing:
    def test_a_message_arrives_with_its_data_attributes_id_and_time(self, project: Project) -> None:
        attributes = {"event_id": "42", "event_type": "document_uploaded", "empty": ""}
        before = datetime.now(UTC)

        [message_id] = project.publish_messages(
            [types.PubsubMessage(data=b"\x00\xff", attributes=attributes)]
        )
        [received] = project.pull()

        assert received.message.data == b"\x00\xff"
        assert dict(received.message.attributes) == attributes
        assert received.message.message_id == message_id
        clocks_agree_within = timedelta(seconds=1)
        published = received.message.publish_time
        assert before - clocks_agree_within < published < datetime.now(UTC) + clocks_agree_within

    def test_a_message_of_attributes_alone_is_a_message(self, project: Project) -> None:
        project.publish_messages([types.PubsubMessage(attributes={"type": "tick"})])

        [received] = project.pull()

        assert received.message.data == b""
        assert dict(received.message.attributes) == {"type": "tick"}

    def test_message_ids_are_unique_and_grow(self, project: Project) -> None:
        ids = [int(id_) for id_ in project.publish("a", "b") + project.publish("c")]

        assert ids == sorted(set(ids))

    def test_the_official_client_batches_and_nothing_is_lost(self, project: Project) -> None:
        texts = {f"event {n}" for n in range(500)}

        futures = [project.publisher.publish(project.topic, t.encode()) for t in sorted(texts)]

        assert len({future.result(SOON_SECONDS) for future in futures}) == 500
        assert sorted(project.pull_texts(500)) == sorted(texts)

    def test_every_subscription_gets_every_message_once(self, project: Project) -> None:
        audit = project.create_subscription("audit")

        project.publish("a", "b")

        assert sorted(project.pull_texts(2)) == ["a", "b"]
        assert sorted(project.pull_texts(2, audit)) == ["a", "b"]
        assert project.pull_nothing()

    def test_a_subscription_gets_nothing_from_before_it_existed(self, project: Project) -> None:
        project.publish("before")
        late = project.create_subscription("late")
        project.publish("after")

        assert project.pull_texts(1, late) == ["after"]


class TestPulling:
    def test_a_pull_takes_no_more_than_it_asked_for(self, project: Project) -> None:
        project.publish("a", "b", "c")

        first = project.pull(most=2)
        rest = project.pull_texts(3 - len(first))

        assert len(first) <= 2
        assert sorted([*map(text_of, first), *rest]) == ["a", "b", "c"]

    def test_a_pull_takes_no_more_than_the_official_client_accepts(self, project: Project) -> None:
        for _ in range(6):
            project.publish(*["x" * 10_000] * 100)

        assert len(project.pull_texts(600)) == 600

    def test_a_waiting_pull_gets_what_is_published_meanwhile(self, project: Project) -> None:
        with ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(project.pull, timeout=20.0)
            time.sleep(0.2)  # so that the pull is likely to wait; it passes either way
            published = time.monotonic()
            project.publish("at last")
            received = waiting.result()

        assert [text_of(r) for r in received] == ["at last"]
        assert time.monotonic() - published < SOON_SECONDS

    def test_a_pull_without_messages_is_an_empty_answer_and_not_an_error(
        self, project: Project
    ) -> None:
        started = time.monotonic()

        # Ours answers a second before the deadline, and half a second before a shorter one.
        assert project.pull(timeout=4.0) == []
        assert 0.5 < time.monotonic() - started < 4.0

    def test_a_leased_message_is_not_given_to_a_second_puller(self, project: Project) -> None:
        project.publish("mine")

        assert project.pull_texts(1) == ["mine"]
        assert project.pull_nothing()


class TestLeases:
    def test_an_expired_lease_is_redelivered_and_an_acknowledged_one_is_not(
        self, project: Project
    ) -> None:
        project.publish("acknowledged", "forgotten")
        received = {text_of(r): r for r in _pull(project, 2)}

        for each in received.values():
            project.modify_ack_deadline(each, 1)
        project.acknowledge(received["acknowledged"])

        assert project.pull_texts(1) == ["forgotten"]
        assert project.pull_nothing()

    def test_an_extended_lease_outlives_the_others(self, project: Project) -> None:
        project.publish("short", "long")
        received = {text_of(r): r for r in _pull(project, 2)}

        project.modify_ack_deadline(received["short"], 1)
        project.modify_ack_deadline(received["long"], 1)
        project.modify_ack_deadline(received["long"], 60)

        assert project.pull_texts(1) == ["short"]
        assert project.pull_nothing()

    def test_a_deadline_of_zero_redelivers_at_once_with_a_new_ack_id(
        self, project: Project
    ) -> None:
        [message_id] = project.publish("again")
        [first] = project.pull()

        project.modify_ack_deadline(first, 0)
        [second] = project.pull()

        assert second.message.message_id == first.message.message_id == message_id
        assert second.message.publish_time == first.message.publish_time
        assert second.ack_id != first.ack_id

    def test_an_ack_id_of_a_lease_that_is_over_acknowledges_nothing(self, project: Project) -> None:
        project.publish("again")
        [first] = project.pull()
        project.modify_ack_deadline(first, 0)
        [second] = project.pull()

        project.acknowledge(first)
        project.modify_ack_deadline(second, 0)
        [third] = project.pull()
        project.acknowledge(third)

        assert text_of(third) == "again"
        assert project.pull_nothing()

    def test_acknowledging_twice_is_no_error(self, project: Project) -> None:
        project.publish("once")
        [received] = project.pull()

        project.acknowledge(received)
        project.acknowledge(received, received)

        assert project.pull_nothing()


class TestStreamingPull:
    def test_a_subscriber_receives_and_acknowledges_until_it_is_cancelled(
        self, project: Project, subscriber: SubscriberClient
    ) -> None:
        inbox = Inbox(lambda message: message.ack_with_response().result(SOON_SECONDS))
        stream = subscriber.subscribe(project.subscription, inbox)
        texts = sorted(f"event {n}" for n in range(200))

        project.publish(*texts)
        inbox.wait_for(200)
        stream.cancel()
        stream.result(SOON_SECONDS)

        assert sorted(inbox.texts) == texts
        assert project.pull_nothing()

    def test_a_message_that_a_subscriber_refuses_is_redelivered(
        self, project: Project, subscriber: SubscriberClient
    ) -> None:
        inbox = Inbox(lambda m: m.nack() if len(inbox.texts) == 1 else m.ack())
        stream = subscriber.subscribe(project.subscription, inbox)

        project.publish("insist")
        inbox.wait_for(2)
        stream.cancel()
        stream.result(SOON_SECONDS)

        assert inbox.texts == ["insist", "insist"]

    def test_a_stream_of_a_missing_subscription_fails(
        self, project: Project, subscriber: SubscriberClient
    ) -> None:
        stream = subscriber.subscribe(f"{project.path}/subscriptions/missing", Inbox(id))

        with pytest.raises(exceptions.NotFound):
            stream.result(SOON_SECONDS)


class TestResources:
    def test_topics_are_listed_in_pages(self, project: Project) -> None:
        more = [project.create_topic(topic_id) for topic_id in ("audit", "dead-letters")]

        pages = project.publisher.list_topics(
            types.ListTopicsRequest(project=project.path, page_size=2)
        )

        assert [len(p.topics) for p in pages.pages] == [2, 1]
        listed = project.publisher.list_topics(project=project.path)
        assert sorted(topic.name for topic in listed) == sorted([project.topic, *more])

    def test_subscriptions_are_listed_by_project_and_by_topic(self, project: Project) -> None:
        names = sorted([project.subscription, project.create_subscription("audit")])

        listed = project.subscriber.list_subscriptions(project=project.path)
        of_topic = project.publisher.list_topic_subscriptions(topic=project.topic)

        assert sorted(subscription.name for subscription in listed) == names
        assert sorted(of_topic) == names

    def test_a_subscription_has_ten_seconds_to_acknowledge_unless_it_says_otherwise(
        self, project: Project
    ) -> None:
        patient = types.Subscription(
            name=f"{project.path}/subscriptions/patient",
            topic=project.topic,
            ack_deadline_seconds=600,
        )

        created = project.subscriber.create_subscription(patient)
        found = project.subscriber.get_subscription(subscription=project.subscription)

        assert created.ack_deadline_seconds == 600
        assert (found.topic, found.ack_deadline_seconds) == (project.topic, 10)

    def test_a_subscription_survives_its_topic_with_what_it_holds(self, project: Project) -> None:
        project.publish("kept")

        project.publisher.delete_topic(topic=project.topic)

        found = project.subscriber.get_subscription(subscription=project.subscription)
        assert found.topic == "_deleted-topic_"
        assert project.pull_texts(1) == ["kept"]

    def test_a_new_topic_of_the_same_name_does_not_feed_the_old_subscriptions(
        self, project: Project
    ) -> None:
        project.publisher.delete_topic(topic=project.topic)
        project.publisher.create_topic(name=project.topic)

        project.publish("for nobody")

        assert project.pull_nothing()


Call = Callable[[Project], object]

MISSING: dict[str, Call] = {
    "get topic": lambda p: p.publisher.get_topic(topic=f"{p.path}/topics/missing"),
    "delete topic": lambda p: p.publisher.delete_topic(topic=f"{p.path}/topics/missing"),
    "publish": lambda p: p.publisher.publish(f"{p.path}/topics/missing", b"x").result(SOON_SECONDS),
    "subscribe to topic": lambda p: p.subscriber.create_subscription(
        name=f"{p.path}/subscriptions/new", topic=f"{p.path}/topics/missing"
    ),
    "get subscription": lambda p: p.subscriber.get_subscription(
        subscription=f"{p.path}/subscriptions/missing"
    ),
    "delete subscription": lambda p: p.subscriber.delete_subscription(
        subscription=f"{p.path}/subscriptions/missing"
    ),
    "pull": lambda p: p.pull(f"{p.path}/subscriptions/missing"),
    "acknowledge": lambda p: p.subscriber.acknowledge(
        subscription=f"{p.path}/subscriptions/missing", ack_ids=["1"]
    ),
}

INVALID: dict[str, Call] = {
    "topic name without project": lambda p: p.publisher.create_topic(name="domain-events"),
    "topic id of two characters": lambda p: p.create_topic("ab"),
    "topic id in Google's name space": lambda p: p.create_topic("google-events"),
    "topic id with a space": lambda p: p.create_topic("domain events"),
    "subscription named as a topic": lambda p: p.subscriber.get_subscription(subscription=p.topic),
    "no messages": lambda p: p.publish_messages([]),
    "empty message": lambda p: p.publish("fine", ""),
    "pull of no messages": lambda p: p.pull(most=0),
    "no ack ids": lambda p: p.acknowledge(),
    "invalid ack id": lambda p: p.subscriber.acknowledge(
        subscription=p.subscription, ack_ids=["nonsense"]
    ),
    "negative deadline": lambda p: p.modify_ack_deadline(
        types.ReceivedMessage(ack_id="1"), seconds=-1
    ),
    "deadline above ten minutes": lambda p: p.subscriber.create_subscription(
        types.Subscription(
            name=f"{p.path}/subscriptions/new", topic=p.topic, ack_deadline_seconds=601
        )
    ),
}


class TestRefusals:
    @pytest.mark.parametrize("call", MISSING.values(), ids=MISSING.keys())
    def test_what_does_not_exist_is_not_found(self, project: Project, call: Call) -> None:
        with pytest.raises(exceptions.NotFound):
            call(project)

    @pytest.mark.parametrize("call", INVALID.values(), ids=INVALID.keys())
    def test_what_breaks_the_rules_is_an_invalid_argument(
        self, project: Project, call: Call
    ) -> None:
        with pytest.raises(exceptions.InvalidArgument):
            call(project)

    def test_a_request_with_one_bad_message_publishes_none_of_it(self, project: Project) -> None:
        with pytest.raises(exceptions.InvalidArgument):
            project.publish("fine", "")

        assert project.pull_nothing()

    def test_names_are_taken_once(self, project: Project) -> None:
        with pytest.raises(exceptions.AlreadyExists):
            project.create_topic("domain-events")
        with pytest.raises(exceptions.AlreadyExists):
            project.create_subscription("pipeline")


def _pull(project: Project, count: int) -> list[types.ReceivedMessage]:
    received: list[types.ReceivedMessage] = []
    give_up = time.monotonic() + SOON_SECONDS
    while len(received) < count and time.monotonic() < give_up:
        received += project.pull()
    return received
