"""SettleWebhooks: webhooks that were tried in; nothing out, once the ledger says how each ended."""

import apache_beam as beam

from pipeline.settings import DatabaseSettings
from pipeline.sinks.webhook_results import write_webhook_results
from pipeline.steps.webhooks.tried import TriedWebhooks


class SettleWebhooks(beam.PTransform[beam.PCollection[TriedWebhooks], beam.PCollection[None]]):
    """Write how the tries of each batch ended, in one statement."""

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__()
        self._fn = _SettleWebhooks(settings)

    def expand(self, tried: beam.PCollection[TriedWebhooks]) -> beam.PCollection[None]:
        """Add one step. It is fused with the steps before it."""
        return tried | "Write" >> beam.ParDo(self._fn).with_output_types(type(None))


class _SettleWebhooks(beam.DoFn):
    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings

    def process(self, tried: TriedWebhooks) -> None:
        write_webhook_results(self._settings, tried)
