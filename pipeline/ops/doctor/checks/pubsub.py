"""What the stream reads from and writes to."""

from typing import Final

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import Check, Finding, failed, ok
from pipeline.ops.doctor.installation import Installation
from pipeline.pubsub.errors import classify

TIMEOUT_SECONDS: Final = 5.0
# What Pub/Sub gives as the topic of a subscription that outlived it.
_DELETED_TOPIC: Final = "_deleted-topic_"


def _subscription(installation: Installation) -> Finding:
    name = installation.subscription or ""
    with SubscriberClient() as client:
        try:
            found = client.get_subscription(subscription=name, timeout=TIMEOUT_SECONDS, retry=None)
        except (GoogleAPICallError, RetryError) as error:
            return _refused(error, name)
    if found.topic == _DELETED_TOPIC:
        return failed("its topic was deleted", "create topic and subscription anew, then catch-up")
    return ok(f"reads {found.topic}")


def _dead_letter_topic(installation: Installation) -> Finding:
    name = installation.dead_letter_topic or ""
    with PublisherClient() as client:
        try:
            client.get_topic(topic=name, timeout=TIMEOUT_SECONDS, retry=None)
        except (GoogleAPICallError, RetryError) as error:
            return _refused(error, name)
    return ok(name)


def _refused(error: GoogleAPICallError | RetryError, name: str) -> Finding:
    failure = classify(error, name)
    if not isinstance(failure, ConfigurationError):
        raise failure
    seen, _, mend = str(failure).partition(": ")
    return failed(seen, mend)


CHECKS: Final = (
    Check("subscription", "--subscription", _subscription, "--subscription"),
    Check("dead letters", "--dead-letter-topic", _dead_letter_topic, "--dead-letter-topic"),
)
