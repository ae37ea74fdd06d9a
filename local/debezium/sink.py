"""Replaces Debezium Server's Pub/Sub sink."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import pubsub_v1
from google.pubsub_v1.types import PublishRequest, PubsubMessage

_MESSAGES_PER_REQUEST = 1_000
_BYTES_PER_REQUEST = 9_000_000


class Message(NamedTuple):
    """A message to publish."""

    body: str
    attributes: dict[str, str]


class PublishFailed(Exception):
    """Pub/Sub did not accept a message, even after retries."""

    def __init__(self, topic: str, error: Exception) -> None:
        super().__init__(f"can't publish to {topic}: {error}")


class PubSubSink:
    """Publishes to the topics of one project."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._client = pubsub_v1.PublisherClient()

    def publish(self, topic_id: str, messages: list[Message]) -> None:
        """Publish all messages; return once Pub/Sub has confirmed them.

        Raises:
            PublishFailed: Some of them may not have been published.
        """
        topic = self._client.topic_path(self._project, topic_id)
        try:
            for request in _requests(topic, messages):
                self._client.api.publish(request=request)
        except (GoogleAPICallError, RetryError) as error:
            raise PublishFailed(topic, error) from error


def _requests(topic: str, messages: Iterable[Message]) -> Iterator[PublishRequest]:
    """Split the messages into as few requests as Pub/Sub's limits allow."""
    new_request, new_message = PublishRequest.pb(), PubsubMessage.pb()
    request, size = new_request(topic=topic), 0
    for body, attributes in messages:
        message = new_message(data=body.encode(), attributes=attributes)
        is_full = len(request.messages) == _MESSAGES_PER_REQUEST
        if request.messages and (is_full or size + message.ByteSize() > _BYTES_PER_REQUEST):
            yield PublishRequest.wrap(request)
            request, size = new_request(topic=topic), 0
        request.messages.append(message)
        size += message.ByteSize()
    if request.messages:
        yield PublishRequest.wrap(request)
