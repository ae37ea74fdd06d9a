"""PreviewDue: wake-ups in; a line for each record that a run would do, and nothing done."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import apache_beam as beam
import orjson

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.wake_up import WakeUp
from pipeline.output import print_json


class DuePreview(Protocol):
    """Reads what is due, and claims nothing."""

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each record that is due and was not told of before."""


class PreviewDue(beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[None]]):
    """Print what a run would do with each record that is due. Writes nothing.

    Args:
        preview_of: returns the one preview of the process. It is pickled.
    """

    def __init__(self, preview_of: Callable[[], DuePreview]) -> None:
        super().__init__()
        self._fn = _PreviewDue(preview_of)

    def expand(self, wake_ups: beam.PCollection[list[WakeUp]]) -> beam.PCollection[None]:
        """Add one step."""
        return wake_ups | "Print" >> beam.ParDo(self._fn).with_output_types(type(None))


class _PreviewDue(beam.DoFn):
    def __init__(self, preview_of: Callable[[], DuePreview]) -> None:
        self._preview_of = preview_of

    def process(self, wake_ups: list[WakeUp]) -> Iterable[None]:  # noqa: ARG002
        for each in self._preview_of().look():
            print_json(orjson.dumps(each).decode())
        return ()
