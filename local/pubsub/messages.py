"""Published and delivered messages, and the limits that Pub/Sub documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.pubsub.errors import InvalidArgument

# https://cloud.google.com/pubsub/quotas#resource_limits
MAX_MESSAGES_PER_PUBLISH = 1_000
MAX_PUBLISH_BYTES = 10_000_000
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_KEY_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a message that the publisher sets."""

    data: bytes = b""
    attributes: Mapping[str, str] = field(default_factory=dict)
    ordering_key: str = ""

    def size_bytes(self) -> int:
        """The size that Pub/Sub compares with its limits: data, attribute keys and values."""
        attributes = self.attributes.items()
        return len(self.data) + sum(len(k.encode()) + len(v.encode()) for k, v in attributes)


@dataclass(frozen=True, slots=True)
class Message:
    """Published content; all subscriptions share one instance."""

    content: Content
    message_id: str
    publish_time_ns: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message under lease; the acknowledgement names its ``ack_id``."""

    ack_id: str
    message: Message


def check_publishable(contents: Sequence[Content]) -> None:
    """Accept one publish request as a whole.

    Raises:
        InvalidArgument: if the request or one of its messages is empty or too large.
    """
    if not contents:
        raise InvalidArgument("No messages to publish")
    if len(contents) > MAX_MESSAGES_PER_PUBLISH:
        raise InvalidArgument(
            f"{len(contents)} messages in one request, at most {MAX_MESSAGES_PER_PUBLISH}"
        )
    for content in contents:
        _check_content(content)
    request_bytes = sum(content.size_bytes() for content in contents)
    if request_bytes > MAX_PUBLISH_BYTES:
        raise InvalidArgument(f"Request of {request_bytes} bytes, at most {MAX_PUBLISH_BYTES}")


def _check_content(content: Content) -> None:
    if not content.data and not content.attributes:
        raise InvalidArgument("Some messages are empty")
    if len(content.attributes) > MAX_ATTRIBUTES:
        raise InvalidArgument(f"{len(content.attributes)} attributes, at most {MAX_ATTRIBUTES}")
    for key, value in content.attributes.items():
        _check_bytes("Attribute key", key, MAX_ATTRIBUTE_KEY_BYTES)
        _check_bytes("Attribute value", value, MAX_ATTRIBUTE_VALUE_BYTES)


def _check_bytes(what: str, text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        raise InvalidArgument(f"{what} of {size} bytes, at most {limit}")
