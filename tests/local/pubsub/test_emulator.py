"""Our emulator beyond the contract: documented limits, clear refusals, clean ends."""

import time
from collections.abc import Iterator
from queue import SimpleQueue

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import types

from local.errors import StartFailed
from local.pubsub import Emulator
from tests.local.pubsub import raw
from tests.local.pubsub.project import SOON_SECONDS, Project, text_of


class Stream:
    """An open StreamingPull, request by request."""

    def __init__(self, channel: grpc.Channel, subscription: str) -> None:
        self._requests: SimpleQueue[types.StreamingPullRequest | None] = SimpleQueue()
        self.send(subscription=subscription, stream_ack_deadline_seconds=10)
        self._responses = raw.streaming_pull(channel)(iter(self._requests.get, None), timeout=30)

    def send(self, **fields: object) -> None:
        self._requests.put(types.StreamingPullRequest(fields))

    def receive(self, count: int) -> list[types.ReceivedMessage]:
        """Read until ``count`` messages arrived or the stream ended."""
        received: list[types.ReceivedMessage] = []
        for response in self._responses:
            received += response.received_messages
            if len(received) >= count:
                break
        return received

    def close(self) -> None:
        self._requests.put(None)


@pytest.fixture
def stream(address: str, project: Project) -> Iterator[Stream]:
    with grpc.insecure_channel(address) as channel:
        stream = Stream(channel, project.subscription)
        yield stream
        stream.close()


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
        request = types.PullRequest(subscription=project.subscription, max_messages=1)
        [received] = raw.pull(channel)(request, timeout=SOON_SECONDS).received_messages

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
    message = types.PubsubMessage(data=b"for the living")
    with grpc.insecure_channel(address) as channel:
        abandoned = raw.pull(channel).future(
            types.PullRequest(subscription=project.subscription, max_messages=10), timeout=60
        )
        abandoned.cancel()
        # On the same connection, so that the emulator reads the cancellation first.
        raw.publish(channel)(types.PublishRequest(topic=project.topic, messages=[message]))

    assert project.pull_texts(1) == ["for the living"]


class TestStreamRequests:
    """Requests from the client on an open stream."""

    def test_acknowledgements_and_deadlines_are_applied(
        self, stream: Stream, project: Project
    ) -> None:
        project.publish("acknowledged", "refused")
        received = {text_of(r): r for r in stream.receive(2)}

        stream.send(ack_ids=[received["acknowledged"].ack_id])
        stream.send(
            modify_deadline_ack_ids=[received["refused"].ack_id], modify_deadline_seconds=[0]
        )

        [again] = stream.receive(1)
        assert text_of(again) == "refused"

    @pytest.mark.parametrize(
        "request_fields",
        [
            {"ack_ids": ["nonsense"]},
            {"modify_deadline_ack_ids": ["1"], "modify_deadline_seconds": []},
            {"modify_deadline_ack_ids": ["1"], "modify_deadline_seconds": [601]},
            {"stream_ack_deadline_seconds": 9},
        ],
    )
    def test_a_bad_request_ends_the_stream(
        self, stream: Stream, request_fields: dict[str, object]
    ) -> None:
        stream.send(**request_fields)

        with pytest.raises(grpc.RpcError) as refusal:
            stream.receive(1)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_closing_the_client_side_ends_the_stream_without_an_error(self, stream: Stream) -> None:
        stream.close()

        assert stream.receive(1) == []

    def test_deleting_the_subscription_ends_the_stream(
        self, stream: Stream, project: Project
    ) -> None:
        project.subscriber.delete_subscription(subscription=project.subscription)

        with pytest.raises(grpc.RpcError) as refusal:
            stream.receive(1)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


class TestLifeCycle:
    @pytest.fixture
    def own(self) -> Iterator[Emulator]:
        with Emulator() as emulator:
            yield emulator

    @pytest.fixture
    def address(self, own: Emulator) -> str:
        return own.address

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
            with pytest.raises(StartFailed, match=str(port)):
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

    def test_stopping_ends_pulls_and_streams_that_wait(
        self, own: Emulator, stream: Stream, project: Project
    ) -> None:
        project.publish("the stream is open")
        assert len(stream.receive(1)) == 1
        with grpc.insecure_channel(own.address) as channel:
            pull = raw.pull(channel).future(
                types.PullRequest(subscription=project.subscription, max_messages=1)
            )

            started = time.monotonic()
            own.stop()

            assert isinstance(pull.exception(SOON_SECONDS), grpc.RpcError)
            with pytest.raises(grpc.RpcError):
                stream.receive(1)
            assert time.monotonic() - started < SOON_SECONDS


def _create_topic(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        raw.create_topic(channel)(types.Topic(name="projects/test/topics/domain-events"))
