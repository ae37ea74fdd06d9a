"""The pipeline, weakened: it acknowledges messages before it writes anything.

The control of the tests that kill the pipeline: they must find that this one loses events.
"""

import sys
from dataclasses import replace

from pipeline import __main__
from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.wake_up import WakeUp


class EarlySubscription(Subscription):
    """A subscription that acknowledges its messages as soon as they are pulled."""

    def _pull(self) -> list[WakeUp]:
        """Pull and acknowledge at once, so nothing is left to acknowledge later."""
        pulled = super()._pull()
        self.acknowledge([each.receipt for each in pulled if each.receipt is not None])
        return [replace(each, receipt=None) for each in pulled]


if __name__ == "__main__":
    from pipeline.clients.pubsub import subscription

    subscription.Subscription = EarlySubscription  # type: ignore[misc]
    sys.exit(__main__.main())
