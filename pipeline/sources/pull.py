"""The portable Pub/Sub source: a subscription in, an unbounded PCollection of batches out.

An unbounded splittable DoFn outputs the messages of one pull as a batch, one batch per bundle. It
acknowledges them in the bundle finalizer, which the runner calls once the bundle is committed. On
FnApiRunner that is the end of the first fused stage, so the rows of that stage are written before
the messages are acknowledged.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.pvalue import PBegin
from apache_beam.runners.sdf_utils import RestrictionTrackerView
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import Duration, Timestamp

from pipeline import coders  # noqa: F401 - registers them
from pipeline.clients.pubsub.subscription import PULL_SECONDS, open_subscription
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import PubSubSettings

_END: Final = 2**62


class PullFromPubSub(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Read a subscription until its ``stop`` is called. One source per process and subscription.

    A message is acknowledged after its bundle. If the bundle fails, the run ends with an error and
    Pub/Sub redelivers the messages. ``Subscription.give_back`` makes it redeliver them at once.

    Args:
        settings: the subscription.
        due_every: the source is the clock too: after so many seconds without a message it outputs
            an empty batch. None: it never does.
    """

    def __init__(self, settings: PubSubSettings, due_every: float | None = None) -> None:
        super().__init__()
        self._settings = settings
        self._due_every = due_every

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        """Make one element, the subscription, and pull from it."""
        return (
            pbegin
            | "NameSubscription" >> beam.Create([self._settings.subscription], reshuffle=False)
            | "Pull"
            >> beam.ParDo(_Pull(acknowledge=self._settings.acknowledge, due_every=self._due_every))
        )


class _Pulls(RestrictionProvider):
    """One position per pull, without an end."""

    def initial_restriction(self, element: str) -> OffsetRange:  # noqa: ARG002 - Beam's signature
        return OffsetRange(0, _END)

    def create_tracker(self, restriction: OffsetRange) -> OffsetRestrictionTracker:
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element: str, restriction: OffsetRange) -> int:  # noqa: ARG002
        return 1


_WATERMARK: Any = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())
_PULLS: Any = beam.DoFn.RestrictionParam(_Pulls())


class _Pull(beam.DoFn):
    def __init__(self, *, acknowledge: bool, due_every: float | None) -> None:
        self._acknowledge = acknowledge
        self._due_every = due_every

    # The finalizer must come before the restriction: Beam binds them by position.
    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        subscription_name: str,
        finalizer: Any = beam.DoFn.BundleFinalizerParam,  # noqa: ANN401 - Beam has no type for it
        watermark: ManualWatermarkEstimator = _WATERMARK,
        pulls: RestrictionTrackerView = _PULLS,
    ) -> Iterable[list[WakeUp]]:
        subscription = open_subscription(subscription_name)
        if subscription.finished:
            # A restriction is done once its last position is claimed.
            pulls.try_claim(_END - 1)
            return
        if not pulls.try_claim(pulls.current_restriction().start):
            return
        is_clock = self._due_every is not None
        wake_ups = subscription.take(PULL_SECONDS if self._due_every is None else self._due_every)
        if wake_ups and self._acknowledge:
            receipts = [each.receipt for each in wake_ups if each.receipt is not None]
            finalizer.register(partial(subscription.acknowledge, receipts))
        if wake_ups or (is_clock and not subscription.stopping):
            yield wake_ups
        watermark.set_watermark(Timestamp.now())
        pulls.defer_remainder(Duration(0))
