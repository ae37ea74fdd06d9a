"""Deduplicate: keyed messages in; the first message of each key within a horizon out."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import apache_beam as beam
from apache_beam.coders import BooleanCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

# The dedup key of a message, and its bytes. Standard coders, so that a running job can be updated.
Keyed = tuple[str, bytes]
Messages = beam.PCollection[Keyed]

# An update of a running job matches state by these names and coders: they cannot change.
_SEEN: Final = ReadModifyWriteStateSpec("seen", BooleanCoder())
_EXPIRY: Final = TimerSpec("expiry", TimeDomain.WATERMARK)

DUPLICATES: Final = "duplicates"

_duplicates: Final = Metrics.counter("fanout", DUPLICATES)


class Deduplicate(beam.PTransform[Messages, Messages]):
    """Drop a message whose key was seen less than ``horizon`` of event time ago.

    It saves database work: the ledger would reject such a message, and still rejects later ones.
    The timer uses event time. A timer of processing time would hold back the watermark until it
    fires. This step ends the fused stage. On the local runner a message would then be acknowledged
    before its rows are written, so that runner does not use it.
    """

    def __init__(self, horizon: timedelta) -> None:
        super().__init__()
        self._horizon = horizon

    def expand(self, messages: Messages) -> Messages:
        """Keep the first message of each key, in one stateful step."""
        return messages | "First" >> beam.ParDo(_First(self._horizon.total_seconds()))


class _First(beam.DoFn):
    def __init__(self, horizon_seconds: float) -> None:
        self._horizon_seconds = horizon_seconds

    def process(
        self,
        keyed: Keyed,
        timestamp: Any = beam.DoFn.TimestampParam,  # noqa: ANN401
        seen: Any = beam.DoFn.StateParam(_SEEN),  # noqa: ANN401, B008 - as Beam wants them
        expiry: Any = beam.DoFn.TimerParam(_EXPIRY),  # noqa: ANN401, B008
    ) -> Iterable[Keyed]:
        if seen.read():
            _duplicates.inc()
            return
        seen.write(True)  # noqa: FBT003 - the state's whole value
        expiry.set(timestamp + self._horizon_seconds)
        yield keyed

    @on_timer(_EXPIRY)
    def forget(self, seen: Any = beam.DoFn.StateParam(_SEEN)) -> None:  # noqa: ANN401, B008
        seen.clear()
