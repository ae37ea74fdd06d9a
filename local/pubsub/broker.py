"""The broker: topics, and their subscriptions. Has no network code."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from local.pubsub.errors import AlreadyExists, NotFound
from local.pubsub.messages import Content, Message, check_publishable
from local.pubsub.names import check_subscription, check_topic
from local.pubsub.subscription import Subscription, SubscriptionSettings

DELETED_TOPIC = "_deleted-topic_"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; each of its ``subscriptions`` receives the messages published from now on."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


class Broker:
    """Topics and subscriptions in memory; they are lost when the process ends.

    A message goes to every subscription that its topic has when it is published. Message ids and
    ack ids count up from the microsecond of the broker's creation. So they keep growing from one
    broker to the next, and an acknowledgement for an earlier broker releases nothing here.
    Thread-safe.

    Args:
        clock: monotonic seconds, for the leases.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids = itertools.count(time.time_ns() // 1_000)
        self._topics: dict[str, Topic] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def create_topic(self, name: str, labels: Mapping[str, str]) -> Topic:
        """Create a topic without subscriptions.

        Raises:
            InvalidArgument: if the name is malformed.
            AlreadyExists: if a topic has that name.
        """
        check_topic(name)
        with self._lock:
            if name in self._topics:
                raise AlreadyExists(f"Topic already exists: {name}")
            topic = self._topics[name] = Topic(name, labels)
            return topic

    def topic(self, name: str) -> Topic:
        """Find a topic.

        Raises:
            InvalidArgument: if the name is malformed.
            NotFound: if no topic has that name.
        """
        check_topic(name)
        topic = self._topics.get(name)
        if topic is None:
            raise NotFound(f"Topic not found: {name}")
        return topic

    def topics(self, project: str) -> list[Topic]:
        """The topics of ``projects/{project}``, by name."""
        with self._lock:
            return [t for name, t in sorted(self._topics.items()) if _is_in(project, name)]

    def topic_subscriptions(self, topic: str) -> list[str]:
        """The names of a topic's subscriptions, sorted."""
        with self._lock:
            return sorted(self.topic(topic).subscriptions)

    def delete_topic(self, name: str) -> None:
        """Delete a topic; its subscriptions stay and keep their messages.

        Raises:
            NotFound: if no topic has that name.
        """
        with self._lock:
            self.topic(name)
            del self._topics[name]

    def publish(self, topic: str, contents: Sequence[Content]) -> list[str]:
        """Publish messages to every subscription of the topic: all of them, or none.

        Returns:
            The message ids, in the order of ``contents``.

        Raises:
            InvalidArgument: if the request breaks a limit.
            NotFound: if there is no such topic.
        """
        check_publishable(contents)
        with self._lock:
            subscriptions = self.topic(topic).subscriptions.values()
            now_ns = time.time_ns()
            messages = [Message(content, self._new_id(), now_ns) for content in contents]
            for subscription in subscriptions:
                subscription.offer(messages)
        return [message.message_id for message in messages]

    def create_subscription(self, settings: SubscriptionSettings) -> Subscription:
        """Attach a subscription to its topic; it receives the messages published from now on.

        Raises:
            NotFound: if there is no such topic.
            AlreadyExists: if a subscription has that name.
        """
        with self._lock:
            if settings.name in self._subscriptions:
                raise AlreadyExists(f"Subscription already exists: {settings.name}")
            topic = self.topic(settings.topic)
            subscription = Subscription(settings, clock=self._clock, new_ack_id=self._new_id)
            self._subscriptions[settings.name] = subscription
            topic.subscriptions[settings.name] = subscription
            return subscription

    def subscription(self, name: str) -> Subscription:
        """Find a subscription.

        Raises:
            InvalidArgument: if the name is malformed.
            NotFound: if no subscription has that name.
        """
        check_subscription(name)
        subscription = self._subscriptions.get(name)
        if subscription is None:
            raise NotFound(f"Subscription does not exist: {name}")
        return subscription

    def subscriptions(self, project: str) -> list[Subscription]:
        """The subscriptions of ``projects/{project}``, by name."""
        with self._lock:
            return [s for name, s in sorted(self._subscriptions.items()) if _is_in(project, name)]

    def topic_of(self, subscription: Subscription) -> str:
        """Return the name of the subscription's topic, or ``_deleted-topic_``."""
        settings = subscription.settings
        topic = self._topics.get(settings.topic)
        # A topic created later under the same name does not get the old subscriptions.
        attached = topic is not None and topic.subscriptions.get(settings.name) is subscription
        return settings.topic if attached else DELETED_TOPIC

    def delete_subscription(self, name: str) -> None:
        """Delete a subscription and its messages; a waiting pull raises NotFound at once.

        Raises:
            NotFound: if no subscription has that name.
        """
        with self._lock:
            subscription = self.subscription(name)
            del self._subscriptions[name]
            topic = self._topics.get(subscription.settings.topic)
            if topic is not None and topic.subscriptions.get(name) is subscription:
                del topic.subscriptions[name]
        subscription.delete()

    def _new_id(self) -> str:
        return str(next(self._ids))


def _is_in(project: str, name: str) -> bool:
    return name.startswith(f"{project}/")
