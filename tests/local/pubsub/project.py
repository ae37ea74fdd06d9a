"""A temporary Pub/Sub project whose methods need only one line in a test."""

import time
import uuid
from collections.abc import Sequence

from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1 import PublisherClient as ApiClient
from google.pubsub_v1 import types

# An expected message arrives within this time, which is shorter than any lease.
SOON_SECONDS = 5.0
IDLE_SECONDS = 0.5


class Project:
    """One topic and one subscription in a project of their own."""

    def __init__(self, publisher: PublisherClient, subscriber: SubscriberClient) -> None:
        self.publisher = publisher
        self.subscriber = subscriber
        self.path = f"projects/test-{uuid.uuid4().hex[:12]}"
        self.topic = self.create_topic("domain-events")
        self.subscription = self.create_subscription("pipeline")

    def create_topic(self, topic_id: str) -> str:
        name = f"{self.path}/topics/{topic_id}"
        self.publisher.create_topic(name=name)
        return name

    def create_subscription(self, subscription_id: str, filter_text: str = "") -> str:
        name = f"{self.path}/subscriptions/{subscription_id}"
        self.subscriber.create_subscription(
            types.Subscription(name=name, topic=self.topic, filter=filter_text)
        )
        return name

    def publish(self, *texts: str) -> list[str]:
        """Publish one message per text, in one request, and return the message ids."""
        return self.publish_messages([types.PubsubMessage(data=t.encode()) for t in texts])

    def publish_messages(self, messages: Sequence[types.PubsubMessage]) -> list[str]:
        # The batching client hides the API's own method behind its publish(topic, data).
        request = types.PublishRequest(topic=self.topic, messages=messages)
        return list(ApiClient.publish(self.publisher, request, retry=None).message_ids)

    def pull(
        self, subscription: str | None = None, *, most: int = 100, timeout: float = SOON_SECONDS
    ) -> list[types.ReceivedMessage]:
        """Pull once."""
        response = self.subscriber.pull(
            subscription=subscription or self.subscription,
            max_messages=most,
            timeout=timeout,
            retry=None,
        )
        return list(response.received_messages)

    def pull_texts(self, count: int, subscription: str | None = None) -> list[str]:
        """Pull until ``count`` messages arrived or the time is up; return their texts."""
        texts: list[str] = []
        give_up = time.monotonic() + SOON_SECONDS
        while len(texts) < count and (left := give_up - time.monotonic()) > 0:
            texts += map(text_of, self.pull(subscription, timeout=left))
        return texts

    def pull_nothing(self, subscription: str | None = None) -> bool:
        """Return whether no message arrives for ``IDLE_SECONDS``."""
        try:
            return not self.pull(subscription, timeout=IDLE_SECONDS)
        except exceptions.DeadlineExceeded:  # a busy machine did not answer in time
            return True

    def acknowledge(self, *received: types.ReceivedMessage) -> None:
        self.subscriber.acknowledge(
            subscription=self.subscription, ack_ids=[r.ack_id for r in received]
        )

    def modify_ack_deadline(self, received: types.ReceivedMessage, seconds: int) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=self.subscription,
            ack_ids=[received.ack_id],
            ack_deadline_seconds=seconds,
        )


def text_of(received: types.ReceivedMessage) -> str:
    return received.message.data.decode()
