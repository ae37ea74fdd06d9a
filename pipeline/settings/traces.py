"""Settings of the traces of events: texts in, checked settings or an error out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.graph import Graph

# The variables that ``read_trace_settings`` knows. The OpenTelemetry SDK reads all others itself.
TRACE_VARIABLES: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
)
# The SDK's default is 2,048. A pull has up to a thousand events with some seven spans each, and all
# of them end together. A span takes about two kilobytes.
QUEUE_SIZE: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """Where the traces of a process go.

    Attributes:
        url: the address that receives spans, OTLP over HTTP. It is not in ``repr``, because it may
            hold a password.
        service: the name of the service, unless OTEL_SERVICE_NAME is set.
        queue_size: how many spans wait to be sent. If there are more, the oldest are dropped.
    """

    url: str = field(repr=False)
    service: str
    queue_size: int = QUEUE_SIZE

    def __post_init__(self) -> None:
        try:
            url = urlsplit(self.url)
            valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise ConfigurationError(
                "invalid OTEL_EXPORTER_OTLP_ENDPOINT: expected http://host:4318 or https://host"
            )


def read_trace_settings(variables: Mapping[str, str], graph: Graph) -> TraceSettings | None:
    """Return where the traces of a graph go; None if nowhere.

    Args:
        variables: the values of ``TRACE_VARIABLES``; empty if not set.
        graph: the graph of the process. Only the fan-out has traces: one trace is one event.

    Raises:
        ConfigurationError: a value is invalid.
    """
    endpoint = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    # OpenTelemetry wants the address for traces alone to be used as it is.
    url = variables.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or traces_url(endpoint)
    if not url or graph is not Graph.FANOUT:
        return None
    size = variables.get("OTEL_BSP_MAX_QUEUE_SIZE") or str(QUEUE_SIZE)
    if not (size.isascii() and size.isdecimal() and 0 < int(size) < 2**31):
        raise ConfigurationError(
            f"invalid OTEL_BSP_MAX_QUEUE_SIZE {size[:80]!r}: expected a positive number"
        )
    return TraceSettings(url=url, service=f"fanout-{graph}", queue_size=int(size))


def traces_url(endpoint: str) -> str:
    """Return the address for spans below an OTLP endpoint; empty if there is none."""
    return f"{endpoint.rstrip('/')}/v1/traces" if endpoint else ""
