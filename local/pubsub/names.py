"""The resource names that Pub/Sub accepts."""

import re

from local.pubsub.errors import InvalidArgument

_NAME = re.compile(
    r"projects/[^/]+/(?P<collection>topics|subscriptions)/(?!goog)[A-Za-z][\w.~+%-]{2,254}",
    re.ASCII,
)


def check_topic(name: str) -> None:
    """Accept ``projects/{project}/topics/{id}``.

    Raises:
        InvalidArgument: for any other name.
    """
    _check(name, "topics")


def check_subscription(name: str) -> None:
    """Accept ``projects/{project}/subscriptions/{id}``.

    Raises:
        InvalidArgument: for any other name.
    """
    _check(name, "subscriptions")


def _check(name: str, collection: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None or match["collection"] != collection:
        raise InvalidArgument(f"Invalid [{collection}] name: (name={name})")
