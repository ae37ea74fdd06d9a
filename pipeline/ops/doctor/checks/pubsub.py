"""Checks of Pub/Sub: the subscription that the stream reads, and the topic for dead letters."""

from typing import Final

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.pubsub_v1.types import Subscription

from pipeline.clients.pubsub.check import faults, look_at_subscription, look_at_topic, topic_fault
from pipeline.clients.pubsub.errors import classify
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation


def judge_subscription(found: Subscription) -> Finding:
    """Judge whether every message reaches the stream without delay."""
    seen = list(faults(found))
    if not seen:
        return ok(f"reads {found.topic}")
    judge = failed if any(fault.stops or fault.loses for fault in seen) else warning
    fixes = dict.fromkeys(fault.fix for fault in seen)
    return judge("; ".join(f"it {fault.words}" for fault in seen), "; ".join(fixes))


def _subscription(installation: Installation) -> Finding:
    name = installation.subscription or ""
    try:
        return judge_subscription(look_at_subscription(name))
    except (GoogleAPICallError, RetryError) as error:
        return _refused(error, name)


def _dead_letter_topic(installation: Installation) -> Finding:
    name, subscription = installation.dead_letter_topic or "", installation.subscription
    try:
        look_at_topic(name)
    except (GoogleAPICallError, RetryError) as error:
        return _refused(error, name)
    if subscription is not None:
        try:
            found = look_at_subscription(subscription)
        except (GoogleAPICallError, RetryError):
            # The check "subscription" reports this error.
            return ok(name)
        if (fault := topic_fault(found, name)) is not None:
            return failed(fault.words, fault.fix)
    return ok(name)


def _refused(error: GoogleAPICallError | RetryError, name: str) -> Finding:
    failure = classify(error, name)
    if not isinstance(failure, ConfigurationError):
        raise failure
    seen, _, fix = str(failure).partition(": ")
    return failed(seen, fix)


CHECKS: Final = (
    Check("subscription", "--subscription", _subscription, "--subscription"),
    Check("dead letters", "--dead-letter-topic", _dead_letter_topic, "--dead-letter-topic"),
)
