"""Pub/Sub for one test: a restart loses every message."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import grpc
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage

from pipeline.domain.message import Message
from tests.emulator import HastyEmulator
from tests.streams import ACKNOWLEDGEMENT_SECONDS, SUBSCRIPTION, TOPIC

IDLE_SECONDS: Final = 1.0
_REQUEST_MESSAGES: Final = 1_000
# Pub/Sub takes 10 MB in one request.
_REQUEST_BYTES: Final = 5_000_000


class PubSub:
    """An emulator with the stream's topic, which keeps its address through restarts."""

    def __init__(self) -> None:
        self._emulator = HastyEmulator()
        self._parts = ExitStack()
        self._publisher: PublisherClient
        self._subscriber: SubscriberClient

    @property
    def address(self) -> str:
        """The value for ``PUBSUB_EMULATOR_HOST``."""
        return self._emulator.address

    def start(self) -> None:
        """Serve, without any message."""
        address = self._emulator.start()
        self._parts.callback(self._emulator.stop)
        channel = self._parts.enter_context(grpc.insecure_channel(address))
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self._publisher.create_topic(name=TOPIC)
        self._subscriber.create_subscription(
            request={
                "name": SUBSCRIPTION,
                "topic": TOPIC,
                "ack_deadline_seconds": ACKNOWLEDGEMENT_SECONDS,
            }
        )

    def stop(self) -> None:
        """Stop and lose every message."""
        self._parts.close()

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish to the topic that the stream reads."""
        lot: list[PubsubMessage] = []
        size = 0
        for message in messages:
            if len(lot) == _REQUEST_MESSAGES or (lot and size + len(message.data) > _REQUEST_BYTES):
                self._publisher.publish(topic=TOPIC, messages=lot)
                lot, size = [], 0
            lot.append(PubsubMessage(data=message.data, attributes=dict(message.attributes)))
            size += len(message.data)
        if lot:
            self._publisher.publish(topic=TOPIC, messages=lot)

    def end_leases(self) -> None:
        """Make the messages of killed lives redeliverable at once; call it only if no life runs."""
        self._emulator.end_leases()

    def is_idle(self) -> bool:
        """Whether no message arrives for ``IDLE_SECONDS``; an arriving one is given back."""
        try:
            received = self._subscriber.pull(
                subscription=SUBSCRIPTION, max_messages=1, timeout=IDLE_SECONDS, retry=None
            ).received_messages
        except DeadlineExceeded:
            # It was too busy to answer in time, so the answer is unknown.
            return False
        if received:
            self._subscriber.modify_ack_deadline(
                subscription=SUBSCRIPTION, ack_ids=[received[0].ack_id], ack_deadline_seconds=0
            )
        return not received


@contextmanager
def pubsub() -> Iterator[PubSub]:
    """A started Pub/Sub, stopped at the end."""
    made = PubSub()
    made.start()
    try:
        yield made
    finally:
        made.stop()
