"""Deduplicate: keyed messages in; the first of those with one key out, within a horizon."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import apache_beam as beam
from apache_beam.coders import BooleanCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

# What identifies a message, and its bytes: standard coders, since a running job is updated by them.
Keyed = tuple[str, bytes]
Messages = beam.PCollection[Keyed]

# A running job is updated by these names and coders, too: they cannot change.
_SEEN: Final = ReadModifyWriteStateSpec("seen", BooleanCoder())
_EXPIRY: Final = TimerSpec("expiry", TimeDomain.WATERMARK)

DUPLICATES: Final = "duplicates"

_duplicates: Final = Metrics.counter("fanout", DUPLICATES)


class Deduplicate(beam.PTransform[Messages, Messages]):
    """Drop a message whose key was seen less than ``horizon`` of event time ago.

    It spares the database what the ledger would turn away; what comes later than the horizon is
    left to the ledger. The timer is of event time: one of processing time would hold back the
    watermark until it fires. The stage ends here, so this is not for the runner of one machine,
    which would acknowledge a message before its rows are written.
    """

    def __init__(self, horizon: timedelta) -> None:
        super().__init__()
        self._horizon = horizon

    def expand(self, messages: Messages) -> Messages:
        """One stateful step."""
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
