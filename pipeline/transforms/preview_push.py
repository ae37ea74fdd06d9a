"""PreviewPushes: wake-ups in; a line for each delivery that would be pushed, and no push."""

from collections.abc import Iterable

import apache_beam as beam
import orjson

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.wake_up import WakeUp
from pipeline.output import print_json
from pipeline.steps.push.preview import push_preview_of
from pipeline.steps.push.sender import PushSender


class PreviewPushes(beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[None]]):
    """Print what a run would do with each delivery that is due. Writes nothing."""

    def __init__(self, sender: PushSender) -> None:
        super().__init__()
        self._fn = _PreviewPushes(sender)

    def expand(self, wake_ups: beam.PCollection[list[WakeUp]]) -> beam.PCollection[None]:
        """Add one step."""
        return wake_ups | "Print" >> beam.ParDo(self._fn).with_output_types(type(None))


class _PreviewPushes(beam.DoFn):
    def __init__(self, sender: PushSender) -> None:
        self._sender = sender

    def process(self, wake_ups: list[WakeUp]) -> Iterable[None]:  # noqa: ARG002
        for each in push_preview_of(self._sender).look():
            print_json(orjson.dumps(each).decode())
        return ()
