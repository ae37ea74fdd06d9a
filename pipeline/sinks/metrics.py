"""The metrics of a job in the console: counters and latency of every event type.

The metric names are fixed. Beam labels each metric with its step, and the name of the step begins
with the event type.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from apache_beam.metrics import Metrics

from pipeline.sinks.tally import Field

NAMESPACE: Final = "fanout"
COMMIT_TO_ROW: Final = "commit_to_row_ms"

# Every finished event counts as processed, with any result.
NAMES: Final = {field: field.value for field in Field} | {Field.EVENTS: "processed"}

_counters: Final = {field: Metrics.counter(NAMESPACE, name) for field, name in NAMES.items()}
_commit_to_row: Final = Metrics.distribution(NAMESPACE, COMMIT_TO_ROW)


def measure(total: Mapping[Field, int], milliseconds: Iterable[int] = ()) -> None:
    """Add to the counters, and add the milliseconds from each event to its row to the latency."""
    for field, number in total.items():
        _counters[field].inc(number)
    for each in milliseconds:
        _commit_to_row.update(each)
