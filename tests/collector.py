"""A loopback collector: it receives spans as OTLP over HTTP, and keeps what it received."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

PATH: Final = "/v1/traces"


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span as it was sent. Times are nanoseconds since 1970."""

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    attributes: Mapping[str, Any]
    failed: bool
    resource: Mapping[str, Any]


@dataclass(slots=True)
class Collector:
    """What was received, and how to answer.

    Attributes:
        bodies: the requests, uncompressed.
        status: the status of the answers.
        answers: while it is cleared, no request is answered.
    """

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200
    answers: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """The value of OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Every span so far, in the order of their arrival."""
        return [span for body in list(self.bodies) for span in _spans(body)]

    def traces(self, event_id: int) -> dict[str, list[ReceivedSpan]]:
        """Return the spans of an event by trace, by start."""
        found: dict[str, list[ReceivedSpan]] = {}
        for span in sorted(self.spans, key=lambda each: (each.start, bool(each.parent), each.end)):
            if span.attributes["fanout.event.id"] == event_id:
                found.setdefault(span.trace, []).append(span)
        return found


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector on a free port."""
    made = Collector()
    made.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            known = self.path == PATH
            if known:
                made.bodies.append(body)
            made.answers.wait()
            self.send_response(made.status if known else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: a client that stops may end its connection."""

    with Server(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            made.answers.set()
            server.shutdown()
            thread.join()


def _spans(body: bytes) -> Iterator[ReceivedSpan]:
    request = ExportTraceServiceRequest.FromString(body)
    for each in request.resource_spans:
        resource = _attributes(each.resource.attributes)
        for scope in each.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=_attributes(span.attributes),
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                    resource=resource,
                )


def _attributes(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - a repeated field has no type
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:  # noqa: ANN401 - of the kinds that an attribute may have
    value: AnyValue = pair.value
    return getattr(value, value.WhichOneof("value") or "string_value")
