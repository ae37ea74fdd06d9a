"""What our emulator does beyond the contract: documented limits, clear refusals, clean ends."""

import time

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import types

from local.pubsub import Emulator
from tests.local.pubsub.project import SOON_SECONDS, Project

TOO_LARGE: dict[str, list[types.PubsubMessage]] = {
    "1,001 messages": [types.PubsubMessage(data=b"x")] * 1_001,
    "message above 10 MB": [types.PubsubMessage(data=b"x" * 10_000_001)],
    "messages above 10 MB together": [types.PubsubMessage(data=b"x" * 5_000_001)] * 2,
    "101 attributes": [types.PubsubMessage(attributes={f"key{n}": "" for n in range(101)})],
    "key of 257 bytes": [types.PubsubMessage(attributes={"k" * 257: ""})],
    "value of 1,025 bytes": [types.PubsubMessage(attributes={"key": "v" * 1_025})],
    "value of 1,026 bytes in 342 characters": [types.PubsubMessage(attributes={"key": "€" * 342})],
}


@pytest.mark.parametrize("messages", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_what_is_above_a_documented_limit_is_refused(
    project: Project, messages: list[types.PubsubMessage]
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="at most"):
        project.publish_messages(messages)


def test_what_is_exactly_at_the_limits_passes(address: str, project: Project) -> None:
    attributes = {f"{n:0256}": "v" * 1_024 for n in range(100)}
    data = b"x" * (10_000_000 - 100 * (256 + 1_024))

    project.publish_messages([types.PubsubMessage(data=data, attributes=attributes)])
    # Against an emulator the official client accepts no more than 4 MiB.
    with grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as channel:
        pull = channel.unary_unary(
            "/google.pubsub.v1.Subscriber/Pull",
            request_serializer=types.PullRequest.serialize,
            response_deserializer=types.PullResponse.deserialize,
        )
        request = types.PullRequest(subscription=project.subscription, max_messages=1)
        [received] = pull(request, timeout=SOON_SECONDS).received_messages

    assert received.message.data == data
    assert dict(received.message.attributes) == attributes


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"enable_message_ordering": True}, "enable_message_ordering"),
        ({"enable_exactly_once_delivery": True}, "enable_exactly_once_delivery"),
        ({"push_config": {"push_endpoint": "http://localhost/"}}, "push_config"),
        ({"dead_letter_policy": {"max_delivery_attempts": 5}}, "dead_letter_policy"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(
    project: Project, settings: dict[str, object], named: str
) -> None:
    name = f"{project.path}/subscriptions/special"

    with pytest.raises(exceptions.MethodNotImplemented, match=named):
        project.subscriber.create_subscription(
            types.Subscription(name=name, topic=project.topic, **settings)
        )
    with pytest.raises(exceptions.NotFound):
        project.subscriber.get_subscription(subscription=name)


def test_an_empty_push_configuration_means_pull(project: Project) -> None:
    name = f"{project.path}/subscriptions/java"
    project.subscriber.create_subscription(
        types.Subscription(name=name, topic=project.topic, push_config=types.PushConfig())
    )

    project.publish("hello")

    assert project.pull_texts(1, name) == ["hello"]


def test_an_unknown_method_is_refused_by_name(project: Project) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="Subscriber/Seek"):
        project.subscriber.seek(types.SeekRequest(subscription=project.subscription))


def test_a_filter_lets_through_only_what_it_names(project: Project) -> None:
    chosen = project.create_subscription(
        "chosen", 'attributes.type = "wanted" AND attributes.size = "1"'
    )

    project.publish_messages(
        [
            types.PubsubMessage(data=data, attributes=attributes)
            for data, attributes in (
                (b"wrong type", {"type": "other", "size": "1"}),
                (b"no size", {"type": "wanted"}),
                (b"right", {"type": "wanted", "size": "1", "more": "x"}),
            )
        ]
    )

    assert project.pull_texts(1, chosen) == ["right"]
    assert project.pull_nothing(chosen)
    assert len(project.pull_texts(3)) == 3


def test_a_message_is_not_lost_to_a_pull_whose_client_has_gone(
    address: str, project: Project
) -> None:
    with grpc.insecure_channel(address) as channel:
        pull = channel.unary_unary(
            "/google.pubsub.v1.Subscriber/Pull",
            request_serializer=types.PullRequest.serialize,
            response_deserializer=types.PullResponse.deserialize,
        )
        publish = channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish",
            request_serializer=types.PublishRequest.serialize,
            response_deserializer=types.PublishResponse.deserialize,
        )
        request = types.PullRequest(subscription=project.subscription, max_messages=10)
        abandoned = pull.future(request, timeout=60)
        abandoned.cancel()
        message = types.PubsubMessage(data=b"for the living")
        publish(types.PublishRequest(topic=project.topic, messages=[message]), timeout=5)

    assert project.pull_texts(1) == ["for the living"]


class TestLifeCycle:
    def test_the_address_is_known_while_it_is_started(self) -> None:
        emulator = Emulator()

        with pytest.raises(RuntimeError):
            _ = emulator.address
        with emulator:
            host, _, port = emulator.address.partition(":")
            assert host == "localhost"
            assert int(port) > 0
            with pytest.raises(RuntimeError):
                emulator.start()
        with pytest.raises(RuntimeError):
            _ = emulator.address

    def test_a_port_has_one_emulator(self) -> None:
        with Emulator() as first:
            port = int(first.address.rpartition(":")[2])
            with pytest.raises(RuntimeError, match=str(port)):
                Emulator(port).start()

    def test_started_again_it_is_empty_and_at_the_same_address(self) -> None:
        emulator = Emulator()
        first = emulator.start()
        _create_topic(first)
        emulator.stop()
        emulator.stop()

        second = emulator.start()
        try:
            _create_topic(second)
        finally:
            emulator.stop()

        assert second == first

    def test_stopping_ends_pulls_and_streams_that_wait(self) -> None:
        with Emulator() as emulator, grpc.insecure_channel(emulator.address) as channel:
            subscription = types.Subscription(
                name="projects/test/subscriptions/pipeline", topic=_create_topic(emulator.address)
            )
            channel.unary_unary(
                "/google.pubsub.v1.Subscriber/CreateSubscription",
                request_serializer=types.Subscription.serialize,
            )(subscription)
            pull = channel.unary_unary(
                "/google.pubsub.v1.Subscriber/Pull",
                request_serializer=types.PullRequest.serialize,
            ).future(types.PullRequest(subscription=subscription.name, max_messages=1))
            opening = types.StreamingPullRequest(
                subscription=subscription.name, stream_ack_deadline_seconds=10
            )
            stream = channel.stream_stream(
                "/google.pubsub.v1.Subscriber/StreamingPull",
                request_serializer=types.StreamingPullRequest.serialize,
            )(_then_wait(opening))

            started = time.monotonic()
            emulator.stop()

            assert isinstance(pull.exception(SOON_SECONDS), grpc.RpcError)
            with pytest.raises(grpc.RpcError):
                next(stream)
            assert time.monotonic() - started < SOON_SECONDS


def _create_topic(address: str) -> str:
    name = "projects/test/topics/domain-events"
    with grpc.insecure_channel(address) as channel:
        channel.unary_unary(
            "/google.pubsub.v1.Publisher/CreateTopic",
            request_serializer=types.Topic.serialize,
        )(types.Topic(name=name))
    return name
