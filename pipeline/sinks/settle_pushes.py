"""SettlePushes: deliveries that were tried in; nothing out, once the ledger says how they ended."""

import apache_beam as beam

from pipeline.sinks.push_results import write_push_results
from pipeline.steps.push.sender import PushSender
from pipeline.steps.push.tried import TriedPushes


class SettlePushes(beam.PTransform[beam.PCollection[TriedPushes], beam.PCollection[None]]):
    """Write how the tries of each batch ended, in one statement."""

    def __init__(self, sender: PushSender) -> None:
        super().__init__()
        self._fn = _SettlePushes(sender)

    def expand(self, tried: beam.PCollection[TriedPushes]) -> beam.PCollection[None]:
        """Add one step. It is fused with the steps before it."""
        return tried | "Write" >> beam.ParDo(self._fn).with_output_types(type(None))


class _SettlePushes(beam.DoFn):
    def __init__(self, sender: PushSender) -> None:
        self._sender = sender

    def process(self, tried: TriedPushes) -> None:
        write_push_results(self._sender, tried)
