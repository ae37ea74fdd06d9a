"""Checks before the stream starts: the subscription is readable, and dead letters go elsewhere."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    RetryError,
)
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.types import Subscription, Topic

from pipeline.clients.pubsub.errors import classify, connect
from pipeline.domain.errors import ConfigurationError

SeenT = TypeVar("SeenT")

TIMEOUT_SECONDS: Final = 5.0
# The topic that Pub/Sub shows after the topic of a subscription was deleted.
_DELETED_TOPIC: Final = "_deleted-topic_"
_EXPORTS: Final = ("bigquery_config", "cloud_storage_config", "bigtable_config")
_ANOTHER: Final = "create another subscription without it, and pass that to the stream"
_NEW: Final = "create the topic and the subscription again"
_CATCH_UP: Final = "then: python -m pipeline catch-up"
_UPDATE: Final = "gcloud pubsub subscriptions update"

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PubSubFault:
    """One fault of a subscription.

    Attributes:
        words: what is wrong.
        fix: how to fix it.
        stops: the stream cannot read anything.
        loses: events are lost until catch-up finds them.
    """

    words: str
    fix: str
    stops: bool = False
    loses: bool = False


def check_stream(subscription: str, dead_letter_topic: str | None) -> str | None:
    """Check that the stream can read the subscription and write to the topic.

    Without the right to look at them, the check passes.

    Returns:
        The topic of the subscription; None without the right to look.

    Raises:
        ConfigurationError: one of them is missing, the subscription cannot be pulled, or it reads
            the dead-letter topic.
        TransientError: Pub/Sub cannot be reached.
    """
    found = _look_if_allowed(look_at_subscription, subscription)
    if dead_letter_topic is not None:
        check_topic(dead_letter_topic)
    if found is None:
        return None
    for fault in faults(found):
        if fault.stops:
            raise ConfigurationError(f"{subscription} {fault.words}; {fault.fix}")
    if (reused := topic_fault(found, dead_letter_topic)) is not None:
        raise ConfigurationError(f"{reused.words}: {reused.fix}")
    return str(found.topic)


def check_topic(name: str) -> None:
    """Check that the topic exists. Without the right to look at it, the check passes.

    Raises:
        ConfigurationError: the topic is missing.
        TransientError: Pub/Sub cannot be reached.
    """
    _look_if_allowed(look_at_topic, name)


def _look_if_allowed(look: Callable[[str], SeenT], name: str) -> SeenT | None:
    """Call ``look``; return None if these credentials may not look."""
    try:
        return look(name)
    except Forbidden:
        # Reading and writing need other rights. If those are missing, the stream shows it at once.
        _log.info("cannot check %s: roles/pubsub.viewer is not granted on it", name)
        return None
    except (GoogleAPICallError, RetryError) as error:
        raise classify(error, name) from None


def topic_fault(found: Subscription, dead_letter_topic: str | None) -> PubSubFault | None:
    """Return a fault if the stream reads the topic to which it writes dead letters."""
    if dead_letter_topic is None or found.topic != dead_letter_topic:
        return None
    return PubSubFault(
        f"--dead-letter-topic {dead_letter_topic} is the topic that the stream reads, so it would"
        " read each dead letter again forever",
        "pass another topic",
        stops=True,
    )


def faults(found: Subscription) -> Iterator[PubSubFault]:
    """Yield the settings of a subscription that lose or block messages, or slow it down."""
    short = found.name.rpartition("/")[2]
    yield from _not_pulled(found, short)
    yield from _losing(found, short)
    if found.enable_exactly_once_delivery:
        yield PubSubFault(
            "uses exactly-once delivery, which is slower and not needed: the ledger prevents"
            " duplicates",
            f"{_UPDATE} {short} --no-enable-exactly-once-delivery",
        )
    if found.enable_message_ordering:
        yield PubSubFault(
            "uses message ordering, so one message can delay others: events need no order", _ANOTHER
        )


def _not_pulled(found: Subscription, short: str) -> Iterator[PubSubFault]:
    if found.detached:
        yield PubSubFault("is detached from its topic", f"{_NEW}; {_CATCH_UP}", stops=True)
    if found.push_config.push_endpoint:
        yield PubSubFault(
            "pushes its messages to an endpoint: the stream cannot pull them",
            f"gcloud pubsub subscriptions modify-push-config {short} --push-endpoint=",
            stops=True,
        )
    if any(export in found for export in _EXPORTS):
        yield PubSubFault("exports its messages: the stream cannot pull them", _ANOTHER, stops=True)


def _losing(found: Subscription, short: str) -> Iterator[PubSubFault]:
    if found.topic == _DELETED_TOPIC:
        yield PubSubFault(
            "has no topic any more: it was deleted", f"{_NEW}; {_CATCH_UP}", loses=True
        )
    if found.filter:
        yield PubSubFault(
            f"has a filter, {found.filter}: it drops other events",
            f"{_ANOTHER}; {_CATCH_UP}",
            loses=True,
        )
    if found.message_transforms:
        yield PubSubFault(
            "transforms its messages, and may drop some",
            f"{_UPDATE} {short} --clear-message-transforms; {_CATCH_UP}",
            loses=True,
        )
    if found.dead_letter_policy.dead_letter_topic:
        attempts = found.dead_letter_policy.max_delivery_attempts
        yield PubSubFault(
            f"has its own dead-letter policy: after {attempts} deliveries, for example while the"
            " database is down, it moves an event to another topic",
            f"{_UPDATE} {short} --clear-dead-letter-policy; {_CATCH_UP}",
            loses=True,
        )


def look_at_subscription(name: str) -> Subscription:
    """Read the subscription from Pub/Sub. Errors of the API pass through."""
    with connect(SubscriberClient) as client:
        return client.get_subscription(subscription=name, timeout=TIMEOUT_SECONDS, retry=None)


def look_at_topic(name: str) -> Topic:
    """Read the topic from Pub/Sub. Errors of the API pass through."""
    with connect(PublisherClient) as client:
        return client.get_topic(topic=name, timeout=TIMEOUT_SECONDS, retry=None)
