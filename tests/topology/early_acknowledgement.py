"""The pipeline, weakened: it acknowledges what it pulls before anything is written.

The control of the tests that kill the pipeline: they must find this one to lose events.
"""

import sys
from dataclasses import replace

from pipeline import __main__
from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.wake_up import WakeUp


class EarlySubscription(Subscription):
    """A subscription whose messages are gone as soon as they are pulled."""

    def _pull(self) -> list[WakeUp]:
        """Pull, and acknowledge at once: nothing is left to acknowledge afterwards."""
        pulled = super()._pull()
        self.acknowledge([each.receipt for each in pulled if each.receipt is not None])
        return [replace(each, receipt=None) for each in pulled]


if __name__ == "__main__":
    from pipeline.clients.pubsub import subscription

    subscription.Subscription = EarlySubscription  # type: ignore[misc]
    sys.exit(__main__.main())
