"""What a job shows of itself in the console: counters and latency, for every event type.

The names are few and fixed; the step, which a metric bears as a label, begins with the event type.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from apache_beam.metrics import Metrics

from pipeline.sinks.tally import Field

NAMESPACE: Final = "fanout"
COMMIT_TO_ROW: Final = "commit_to_row_ms"

# Every event that is done with was processed, whatever became of it.
NAMES: Final = {field: field.value for field in Field} | {Field.EVENTS: "processed"}

_counters: Final = {field: Metrics.counter(NAMESPACE, name) for field, name in NAMES.items()}
_commit_to_row: Final = Metrics.distribution(NAMESPACE, COMMIT_TO_ROW)


def measure(total: Mapping[Field, int], milliseconds: Iterable[int] = ()) -> None:
    """Add to the counters; and for every outcome the milliseconds from its event to its row."""
    for field, number in total.items():
        _counters[field].inc(number)
    for each in milliseconds:
        _commit_to_row.update(each)
