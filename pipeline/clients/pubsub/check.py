"""Look before the stream starts: can the subscription be read, and do dead letters go elsewhere?"""

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
# What Pub/Sub gives as the topic of a subscription that outlived it.
_DELETED_TOPIC: Final = "_deleted-topic_"
_EXPORTS: Final = ("bigquery_config", "cloud_storage_config", "bigtable_config")
_ANOTHER: Final = "create another subscription without it, and give that to the stream"
_NEW: Final = "create topic and subscription anew"
_CATCH_UP: Final = "then: python -m pipeline catch-up"
_UPDATE: Final = "gcloud pubsub subscriptions update"

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a subscription.

    Attributes:
        words: what is wrong.
        fix: how to fix it.
        stops: nothing can be read.
        loses: events would be lost, until catch-up finds them.
    """

    words: str
    fix: str
    stops: bool = False
    loses: bool = False


def check_stream(subscription: str, dead_letter_topic: str | None) -> None:
    """Return if the stream can read the one and write to the other, or may not look.

    Raises:
        ConfigurationError: one of them is missing, cannot be pulled, or both are the same topic.
        TransientError: Pub/Sub cannot be reached.
    """
    found = _looked_at(look_at_subscription, subscription)
    if dead_letter_topic is not None:
        check_topic(dead_letter_topic)
    if found is None:
        return
    for fault in faults(found):
        if fault.stops:
            raise ConfigurationError(f"{subscription} {fault.words}; {fault.fix}")
    if (fault_of_topic := returns(found, dead_letter_topic)) is not None:
        raise ConfigurationError(f"{fault_of_topic.words}: {fault_of_topic.fix}")


def check_topic(name: str) -> None:
    """Return if the topic is there, or nobody may look.

    Raises:
        ConfigurationError: it is missing.
        TransientError: Pub/Sub cannot be reached.
    """
    _looked_at(look_at_topic, name)


def _looked_at(look: Callable[[str], SeenT], name: str) -> SeenT | None:
    """What a look gives; None where these credentials may not look."""
    try:
        return look(name)
    except Forbidden:
        # To read and to write it needs no right to look: whether it has those shows at once.
        _log.info("cannot look at %s: roles/pubsub.viewer is not granted on it", name)
        return None
    except (GoogleAPICallError, RetryError) as error:
        raise classify(error, name) from None


def returns(found: Subscription, dead_letter_topic: str | None) -> Fault | None:
    """What is wrong where dead letters go to the topic that they come from."""
    if dead_letter_topic is None or found.topic != dead_letter_topic:
        return None
    return Fault(
        f"--dead-letter-topic {dead_letter_topic} is the topic that the stream reads, where a dead"
        " letter would come back for ever",
        "name another topic",
        stops=True,
    )


def faults(found: Subscription) -> Iterator[Fault]:
    """What keeps a subscription from giving every message to whoever pulls, or makes it slow."""
    short = found.name.rpartition("/")[2]
    yield from _not_pulled(found, short)
    yield from _losing(found, short)
    if found.enable_exactly_once_delivery:
        yield Fault(
            "delivers exactly once, which is slower and not needed: the ledger does that",
            f"{_UPDATE} {short} --no-enable-exactly-once-delivery",
        )
    if found.enable_message_ordering:
        yield Fault(
            "keeps an order, by which one message can hold up others: events need none", _ANOTHER
        )


def _not_pulled(found: Subscription, short: str) -> Iterator[Fault]:
    if found.detached:
        yield Fault("is detached from its topic", f"{_NEW}; {_CATCH_UP}", stops=True)
    if found.push_config.push_endpoint:
        yield Fault(
            "pushes its messages to an endpoint: nobody can pull them",
            f"gcloud pubsub subscriptions modify-push-config {short} --push-endpoint=",
            stops=True,
        )
    if any(export in found for export in _EXPORTS):
        yield Fault("exports its messages: nobody can pull them", _ANOTHER, stops=True)


def _losing(found: Subscription, short: str) -> Iterator[Fault]:
    if found.topic == _DELETED_TOPIC:
        yield Fault("has lost its topic, which was deleted", f"{_NEW}; {_CATCH_UP}", loses=True)
    if found.filter:
        yield Fault(
            f"has a filter, {found.filter}: other events are dropped",
            f"{_ANOTHER}; {_CATCH_UP}",
            loses=True,
        )
    if found.message_transforms:
        yield Fault(
            "transforms its messages, and may drop some",
            f"{_UPDATE} {short} --clear-message-transforms; {_CATCH_UP}",
            loses=True,
        )
    if found.dead_letter_policy.dead_letter_topic:
        attempts = found.dead_letter_policy.max_delivery_attempts
        yield Fault(
            f"has a dead-letter policy of its own: after {attempts} deliveries, as while the"
            " database is down, an event goes elsewhere",
            f"{_UPDATE} {short} --clear-dead-letter-policy; {_CATCH_UP}",
            loses=True,
        )


def look_at_subscription(name: str) -> Subscription:
    """The subscription as Pub/Sub has it; raises what the API raises."""
    with connect(SubscriberClient) as client:
        return client.get_subscription(subscription=name, timeout=TIMEOUT_SECONDS, retry=None)


def look_at_topic(name: str) -> Topic:
    """The topic as Pub/Sub has it; raises what the API raises."""
    with connect(PublisherClient) as client:
        return client.get_topic(topic=name, timeout=TIMEOUT_SECONDS, retry=None)
