"""The looks of one process, and the metrics that come from them."""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request

from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.units import duration
from pipeline.ops.doctor.check import Finding, Severity, failed, ok
from pipeline.ops.doctor.checks.stream import judge_pipeline
from pipeline.ops.metrics.figures import LedgerFigures
from pipeline.ops.metrics.read import read_figures
from pipeline.ops.reactions.totals import ReactionTotals, read_totals
from pipeline.ops.ready.look import LOOK_SECONDS, Readiness, unreachable
from service.observe.ledger import families
from service.observe.memory import memory_limit
from service.observe.readiness import ReadinessLook
from service.observe.requests import RequestMetrics
from service.observe.shared import Seen, Shared
from service.settings import ServiceSettings

READY_EVERY: Final = 2.0
FIGURES_EVERY: Final = 10.0
# Looks at the ledger take at most this share of the time of one connection.
FIGURES_SHARE: Final = 0.02
# A scraper gives up after 10 s.
FIGURES_SECONDS: Final = 8.0
# Whoever asks for totals waits so long for a new count; then the one before has to do.
TOTALS_SECONDS: Final = 1.0
# The database answers, but its figures are older than this: something is wrong.
OLD_SECONDS: Final = 120.0
_DOCTOR: Final = "python -m pipeline doctor"

_log: Final = logging.getLogger(__name__)


class Observer:
    """What one process knows of the installation, and of itself. For one event loop.

    Attributes:
        requests: the counts of the requests.
        started_at: when it was made, by ``time.monotonic``.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._readiness = ReadinessLook(settings.viewer, settings.names, settings.graphs)
        self._ready = Shared(self._readiness, every=READY_EVERY)
        self._figures = Shared(
            partial(_figures, settings),
            every=FIGURES_EVERY,
            share=FIGURES_SHARE,
            again=READY_EVERY,
        )
        self._totals = Shared(
            partial(_totals, settings),
            every=READY_EVERY,
            share=FIGURES_SHARE,
            again=READY_EVERY,
        )
        self._known_reasons: Collection[str] = frozenset()
        self._registry = CollectorRegistry()
        self.requests = RequestMetrics(self._registry)
        self.started_at = time.monotonic()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(MemoryLimit())

    async def readiness(self, *, oldest: float = math.inf) -> Readiness:
        """Return whether the installation works, within ``LOOK_SECONDS``.

        Args:
            oldest: how many seconds ago that may have been seen, where less than usual is wanted.
        """
        ready = await self._look(oldest)
        if ready.reasons.keys() != self._known_reasons:
            self._known_reasons = ready.reasons.keys()
            _tell(ready)
        return ready

    async def _look(self, oldest: float) -> Readiness:
        seen = await self._ready.get(LOOK_SECONDS, oldest=oldest)
        if seen is None or seen.age > READY_EVERY + LOOK_SECONDS:
            return unreachable(
                f"the database has not answered for {duration(LOOK_SECONDS)}",
                "check that it runs, and that the network lets the service reach it",
            )
        ready = seen.value
        if not ready.has_fanout:
            return ready
        newest = self._figures.newest
        is_known = newest is not None and newest.age < _longest(newest)
        figures = await self._figures.get(0 if is_known else LOOK_SECONDS - 1)
        return replace(ready, parts={**ready.parts, "events": _judge_backlog(figures)})

    async def totals(self) -> Seen[ReactionTotals | None] | None:
        """Return what became of all events of reactions, within ``TOTALS_SECONDS``.

        Returns:
            The newest count, which is the older the longer it takes; None, or its value is None: it
            could not be counted, and the log says why.
        """
        return await self._totals.get(TOTALS_SECONDS)

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics, in the form that a scraper asked for, and the form's content type."""
        ready = await self.readiness()
        figures = None
        if "database" not in ready.reasons:
            seen = await self._figures.get(FIGURES_SECONDS)
            if seen is not None and seen.age < _longest(seen):
                figures = seen.value
        encode, content_type = choose_encoder(accept)
        return encode(_Together(self._registry, Readings(ready, figures))), content_type

    def close(self) -> None:
        """Take no further look."""
        self._ready.close(self._readiness.close)
        self._figures.close()
        self._totals.close()


async def observer_of(request: Request) -> Observer:
    """Return the observer of the application that serves a request."""
    observer = request.app.state.observer
    assert isinstance(observer, Observer)  # noqa: S101 - the application has set it
    return observer


class Readings(Collector):
    """The metrics of the installation at one moment."""

    def __init__(self, ready: Readiness, figures: LedgerFigures | None) -> None:
        self._ready = ready
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield them. Without figures: only that there are none."""
        yield GaugeMetricFamily(
            "fanout_up",
            "1 if the database answers, so that the figures are there.",
            float(self._figures is not None),
        )
        yield GaugeMetricFamily(
            "fanout_ready", "1 if /ready answers 200.", float(self._ready.is_ready)
        )
        if self._figures is not None:
            yield from families(self._figures)


class MemoryLimit(Collector):
    """How much memory the process may use; nothing without a limit."""

    def __init__(self, limit: Callable[[], int | None] = memory_limit) -> None:
        self._limit = limit

    def collect(self) -> Iterator[Metric]:
        """Yield the limit."""
        limit = self._limit()
        if limit is not None:
            yield GaugeMetricFamily(
                "fanout_memory_limit_bytes",
                "The limit of process_resident_memory_bytes, if there is one.",
                limit,
            )


class _Together(Collector):
    def __init__(self, *collectors: Collector) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        for each in self._collectors:
            yield from each.collect()


def _tell(ready: Readiness) -> None:
    """Say in the log that the reasons are others than before."""
    if ready.is_ready:
        _log.info("ready again")
    for part, reason in ready.reasons.items():
        _log.warning("not ready: %s: %s; %s", part, reason.seen, reason.fix)


def _figures(settings: ServiceSettings) -> LedgerFigures | None:
    try:
        return read_figures(settings.viewer, settings.names)
    except (ConfigurationError, TransientError) as error:
        _log.warning("no figures of the ledger: %s", error)
        return None


def _totals(settings: ServiceSettings) -> ReactionTotals | None:
    try:
        return read_totals(settings.viewer)
    except (ConfigurationError, TransientError) as error:
        _log.warning("the events of reactions are not counted: %s", error)
        return None


def _longest(seen: Seen[LedgerFigures | None]) -> float:
    """Return the age up to which figures count: two looks may have failed since."""
    return OLD_SECONDS + 2 * seen.took / FIGURES_SHARE


def _judge_backlog(seen: Seen[LedgerFigures | None] | None) -> Finding:
    if seen is None:
        return ok("not counted yet")
    if seen.value is None or seen.age > _longest(seen):
        return failed("cannot be counted", f"see the service's log, and: {_DOCTOR}")
    if seen.value.pipeline is None:
        return failed("cannot be counted: locked, slow, or not allowed", f"see: {_DOCTOR}")
    found = judge_pipeline(seen.value.pipeline)
    return found if found.severity is Severity.FAILED else ok(found.seen)
