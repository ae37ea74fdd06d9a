"""PreviewReactions: wake-ups in; a line for each event that would be processed, and no effect."""

from collections.abc import Iterable

import apache_beam as beam
import orjson

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.wake_up import WakeUp
from pipeline.output import print_json
from pipeline.steps.reactions.preview import reaction_preview_of
from pipeline.steps.reactions.reactor import Reactor


class PreviewReactions(beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[None]]):
    """Print what a run would do with each event that is due. Writes nothing."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__()
        self._fn = _PreviewReactions(reactor)

    def expand(self, wake_ups: beam.PCollection[list[WakeUp]]) -> beam.PCollection[None]:
        """Add one step."""
        return wake_ups | "Print" >> beam.ParDo(self._fn).with_output_types(type(None))


class _PreviewReactions(beam.DoFn):
    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def process(self, wake_ups: list[WakeUp]) -> Iterable[None]:  # noqa: ARG002
        for each in reaction_preview_of(self._reactor).look():
            print_json(orjson.dumps(each).decode())
        return ()
