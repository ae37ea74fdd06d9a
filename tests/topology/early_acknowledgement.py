"""The pipeline, weakened: it acknowledges what it pulls before anything is written.

The control of the tests that kill the pipeline: they must find this one to lose events.
"""

import sys
from collections.abc import Sequence

from pipeline import __main__
from pipeline.domain.message import Message
from pipeline.pubsub.subscription import Subscription


class EarlySubscription(Subscription):
    """A subscription whose messages are gone as soon as they are pulled."""

    def pull(self, most: int) -> tuple[list[str], list[Message]]:
        """Pull, and acknowledge at once."""
        ids, messages = super().pull(most)
        if ids:
            super().acknowledge(ids)
        return ids, messages

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Nothing is left to acknowledge."""


if __name__ == "__main__":
    from pipeline.pubsub import subscription

    subscription.Subscription = EarlySubscription  # type: ignore[misc]
    sys.exit(__main__.main())
