"""Sends spans to a collector with the OpenTelemetry SDK: OTLP over HTTP, from a bounded queue.

Import it only through ``pipeline.clients.spans``: loading the SDK takes time.
"""

import atexit
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from pipeline import __version__
from pipeline.domain.errors import ConfigurationError
from pipeline.settings.traces import TraceSettings

# How long a stop waits if the collector refused the last spans: it is unlikely to take these.
FAILING_SECONDS: Final = 0.2

# What spans are below. Opaque.
Parent = Context

_EMPTY: Final = Context()
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_log: Final = logging.getLogger(__name__)


class SpanWriter:
    """Writes finished spans. Never waits for the collector, and never fails. Thread-safe.

    If the collector does not take spans, or not fast enough, spans are lost. The log says so once,
    and once more at the end, with their number.

    Attributes:
        provider: the SDK's provider, for spans of other kinds.

    Raises:
        ConfigurationError: the SDK rejects one of its variables.
    """

    def __init__(self, settings: TraceSettings) -> None:
        self._ids = _Ids()
        self._lock = threading.Lock()
        self._written = 0
        self._warned = False
        self._closed = False
        try:
            self._sent = _Sent(OTLPSpanExporter(endpoint=settings.url), self._warn)
            processor = BatchSpanProcessor(self._sent, max_queue_size=settings.queue_size)
            self.provider = TracerProvider(
                resource=_resource(settings), id_generator=self._ids, shutdown_on_exit=False
            )
        except ValueError:
            # The text of the SDK may quote a header.
            raise ConfigurationError(
                "invalid OTEL_ variable: the OpenTelemetry SDK rejects it; see"
                " https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables"
            ) from None
        # Spans in the queue, and those of the request under way.
        self._most_waiting = settings.queue_size + 512
        self.provider.add_span_processor(processor)
        self._tracer = self.provider.get_tracer("pipeline", __version__)
        # It reports each failed request, and each dropped span. We count them instead.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        # On Dataflow nothing else closes it.
        atexit.register(self.close, 1.0)

    def samples(self, trace: int) -> bool:
        """Return whether the sampler of OTEL_TRACES_SAMPLER takes a trace."""
        result = self.provider.sampler.should_sample(_EMPTY, trace, "event")
        return result.decision is Decision.RECORD_AND_SAMPLE

    def below(self, trace: int, span: int) -> Parent:
        """Return the parent of spans below another span of a sampled trace."""
        context = SpanContext(trace, span, is_remote=True, trace_flags=_SAMPLED)
        return set_span_in_context(NonRecordingSpan(context), _EMPTY)

    def write(
        self,
        name: str,
        parent: Parent,
        *,
        start: int,
        end: int,
        attributes: Mapping[str, str | int],
        span: int | None = None,
        failed: bool = False,
    ) -> None:
        """Write one span below another one.

        Args:
            name: its name; one of few.
            parent: what ``below`` returned.
            start: nanoseconds since 1970, as ``end``.
            end: not before ``start``.
            attributes: more of it. No value of an event or a person.
            span: its id; None for a random one.
            failed: its status is an error.
        """
        self._ids.span = span
        written = self._tracer.start_span(name, parent, attributes=attributes, start_time=start)
        self._end(written, end, failed=failed)

    def write_root(
        self,
        name: str,
        trace: int,
        span: int,
        *,
        start: int,
        end: int,
        attributes: Mapping[str, str | int],
        failed: bool = False,
    ) -> None:
        """Write the root of a trace. The arguments are those of ``write``."""
        self._ids.trace, self._ids.span = trace, span
        written = self._tracer.start_span(name, _EMPTY, attributes=attributes, start_time=start)
        self._end(written, end, failed=failed)

    def _end(self, span: Span, end: int, *, failed: bool) -> None:
        # The thread's next span may be another library's.
        self._ids.trace = self._ids.span = None
        if not span.is_recording():
            return
        if failed:
            span.set_status(StatusCode.ERROR)
        with self._lock:
            self._written += 1
            overflows = self._written - self._sent.taken > self._most_waiting
        span.end(end)
        if overflows:
            self._warn()

    def close(self, seconds: float) -> None:
        """Send what waits, for at most ``seconds``. Further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        ending = threading.Thread(target=self.provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(min(seconds, FAILING_SECONDS) if self._sent.failing else seconds)
        if lost := self._written - self._sent.accepted:
            _log.warning(
                "traces: the collector did not confirm %s of %s spans",
                f"{lost:,}",
                f"{self._written:,}",
            )

    def _warn(self) -> None:
        """Say once that spans are lost."""
        with self._lock:
            warned, self._warned = self._warned, True
        if not warned:
            _log.warning(
                "traces: the collector does not take all spans, so some are lost;"
                " events are processed as before"
            )


class _Sent(SpanExporter):
    """Passes spans on to an exporter, and counts those that the collector accepts.

    Attributes:
        taken: the spans of all finished requests.
        accepted: those of them that the collector accepted.
        failing: whether the last request failed.
    """

    def __init__(self, exporter: SpanExporter, on_failure: Callable[[], None]) -> None:
        self.taken = 0
        self.accepted = 0
        self.failing = False
        self._exporter = exporter
        self._on_failure = on_failure

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = self._exporter.export(spans)
        self.failing = result is not SpanExportResult.SUCCESS
        self.taken += len(spans)
        if self.failing:
            self._on_failure()
        else:
            self.accepted += len(spans)
        return result

    def shutdown(self) -> None:
        """End the retries of the exporter."""
        self._exporter.shutdown()


class _Ids(RandomIdGenerator, threading.local):
    """Gives the next span of a thread the ids that the thread has set; otherwise random ones."""

    trace: int | None = None
    span: int | None = None

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        return super().generate_trace_id() if self.trace is None else self.trace

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        return super().generate_span_id() if self.span is None else self.span


def _resource(settings: TraceSettings) -> Resource:
    """Describe this process. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first."""
    named = OTELResourceDetector().detect().attributes
    defaults = {SERVICE_NAME: settings.service, SERVICE_VERSION: __version__}
    return Resource.create({name: value for name, value in defaults.items() if name not in named})
