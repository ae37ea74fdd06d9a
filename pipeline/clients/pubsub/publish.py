"""Publishes messages and returns once Pub/Sub has stored them."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    ResourceExhausted,
    RetryError,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.cloud.pubsub_v1 import PublisherClient
from google.pubsub_v1 import PublisherClient as PublisherApi
from google.pubsub_v1.types import PubsubMessage

from pipeline.clients.pubsub.errors import classify, connect
from pipeline.domain.message import Message
from pipeline.domain.portions import portions_by_weight

# The usual limit for all tries. The client's own default is ten minutes.
TIMEOUT_SECONDS: Final = 60.0
_ONE_TRY_SECONDS: Final = 20.0
_RETRY: Final = Retry(
    if_exception_type(
        Aborted, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable
    ),
    initial=0.1,
    maximum=5.0,
    timeout=TIMEOUT_SECONDS,
)
# Pub/Sub accepts 10 MB and 1,000 messages in a request: https://cloud.google.com/pubsub/quotas
MAX_REQUEST_BYTES: Final = 5_000_000
MAX_REQUEST_MESSAGES: Final = 1_000


@cache
def get_publisher() -> PublisherClient:
    """Return the publisher of the process. It uses ``PUBSUB_EMULATOR_HOST`` if that is set."""
    return connect(PublisherClient)


def publish(topic: str, messages: Iterable[Message], *, within: float = TIMEOUT_SECONDS) -> None:
    """Publish to ``projects/P/topics/T`` and return when all messages are stored.

    Args:
        topic: the topic.
        messages: are sent in requests of at most 1,000.
        within: seconds that each request may take, with all its tries.

    Raises:
        TransientError: Pub/Sub could not be reached in time. It may have stored some messages.
        ConfigurationError: the topic is missing, or we have no access to it.
    """
    for request in portions_by_weight(messages, _weigh, MAX_REQUEST_BYTES):
        try:
            # The client's own publish accepts attributes as keyword arguments, which collide with
            # its parameters. The method of the API accepts whole messages.
            PublisherApi.publish(
                get_publisher(),
                topic=topic,
                messages=[_proto(message) for message in request],
                retry=_RETRY.with_timeout(within),
                timeout=min(_ONE_TRY_SECONDS, within),
            )
        except (GoogleAPICallError, RetryError) as error:
            raise classify(error, topic) from None


def _weigh(message: Message) -> float:
    """Return the bytes of a message; at least so many that a request has 1,000 messages at most."""
    size = len(message.data) + sum(len(k) + len(v) for k, v in message.attributes.items())
    return max(size, MAX_REQUEST_BYTES / MAX_REQUEST_MESSAGES)


def _proto(message: Message) -> PubsubMessage:
    return PubsubMessage(data=message.data, attributes=dict(message.attributes))
