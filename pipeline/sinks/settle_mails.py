"""SettleMails: mails that were tried in; nothing out, once the ledger says how each try ended."""

import apache_beam as beam

from pipeline.domain.tried import TriedMails
from pipeline.settings import DatabaseSettings
from pipeline.sinks.mail_results import write_mail_results


class SettleMails(beam.PTransform[beam.PCollection[TriedMails], beam.PCollection[None]]):
    """Write how the tries of each batch ended, in one statement."""

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__()
        self._fn = _Settle(settings)

    def expand(self, tried: beam.PCollection[TriedMails]) -> beam.PCollection[None]:
        """Add one step. It is fused with the steps before it."""
        return tried | "Write" >> beam.ParDo(self._fn).with_output_types(type(None))


class _Settle(beam.DoFn):
    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings

    def process(self, tried: TriedMails) -> None:
        write_mail_results(self._settings, tried)
