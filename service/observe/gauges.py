"""Makes the metrics of one reading."""

from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

Labels = tuple[str, ...]


def gauge(name: str, words: str, value: float | None) -> Metric:
    """Return a metric without labels; without a value it has no sample."""
    return labelled(name, words, (), [((), value)])


def labelled(
    name: str, words: str, labels: Labels, values: Iterable[tuple[Labels, float | None]]
) -> Metric:
    """Return a metric with a sample for each value that there is."""
    family = GaugeMetricFamily(name, words, labels=labels)
    for at, value in values:
        if value is not None:
            family.add_metric(at, value)
    return family


def summed(name: str, words: str, labels: Labels, values: Iterable[tuple[Labels, float]]) -> Metric:
    """Return a metric whose values with equal labels are added up, as those of ``other`` are."""
    total: dict[Labels, float] = defaultdict(float)
    for at, value in values:
        total[at] += value
    return labelled(name, words, labels, total.items())
