"""The Pub/Sub topics and subscriptions of the local installation."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import grpc
from google.api_core.exceptions import AlreadyExists
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

PROJECT: Final = "fanout-local"
EVENTS: Final = "domain-events"
DEAD_LETTERS: Final = "domain-events-dead"
HEARTBEATS: Final = "domain-events-heartbeats"
TICKS: Final = "job-ticks"
DELIVERIES: Final = "deliveries"
REACTION_EVENTS: Final = "reaction-events"
EVENTS_SUBSCRIPTION: Final = "domain-events-pipeline"
DEAD_LETTERS_SUBSCRIPTION: Final = "domain-events-dead-inspection"
TICKS_SUBSCRIPTION: Final = "job-ticks-pipeline"
MAIL_SUBSCRIPTION: Final = "deliveries-mail"
PUSH_SUBSCRIPTION: Final = "deliveries-push"
REACTIONS_SUBSCRIPTION: Final = "reaction-events-pipeline"

_TOPICS = (EVENTS, DEAD_LETTERS, HEARTBEATS, TICKS, DELIVERIES, REACTION_EVENTS)
_SUBSCRIPTIONS = {
    EVENTS_SUBSCRIPTION: EVENTS,
    DEAD_LETTERS_SUBSCRIPTION: DEAD_LETTERS,
    TICKS_SUBSCRIPTION: TICKS,
    MAIL_SUBSCRIPTION: DELIVERIES,
    PUSH_SUBSCRIPTION: DELIVERIES,
    REACTIONS_SUBSCRIPTION: REACTION_EVENTS,
}
_ACK_DEADLINE_SECONDS = 60


def topic_path(topic: str) -> str:
    """Return the full name of a topic."""
    return PublisherClient.topic_path(PROJECT, topic)


def subscription_path(subscription: str) -> str:
    """Return the full name of a subscription."""
    return SubscriberClient.subscription_path(PROJECT, subscription)


@contextmanager
def clients(emulator: str) -> Iterator[tuple[PublisherClient, SubscriberClient]]:
    """Open clients of the emulator at that address; PUBSUB_EMULATOR_HOST is ignored."""
    with grpc.insecure_channel(emulator) as channel:
        yield (
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
        )


def create(emulator: str) -> None:
    """Create the topics and subscriptions that are missing.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: The emulator does not answer, or refuses.
    """
    with clients(emulator) as (publisher, subscriber):
        for topic in _TOPICS:
            with suppress(AlreadyExists):
                publisher.create_topic(request={"name": topic_path(topic)}, retry=None, timeout=10)
        for subscription, topic in _SUBSCRIPTIONS.items():
            with suppress(AlreadyExists):
                subscriber.create_subscription(
                    request={
                        "name": subscription_path(subscription),
                        "topic": topic_path(topic),
                        "ack_deadline_seconds": _ACK_DEADLINE_SECONDS,
                    },
                    retry=None,
                    timeout=10,
                )
