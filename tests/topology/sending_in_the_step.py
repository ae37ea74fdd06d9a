"""The pipeline, weakened: each step waits until the collector has its spans.

The control of the tests with a failing collector: they must find that it holds up the events.
"""

import sys

from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from pipeline import __main__


def at_once(exporter: SpanExporter, **_: object) -> SimpleSpanProcessor:
    """Make the processor that sends each span when it ends."""
    return SimpleSpanProcessor(exporter)


if __name__ == "__main__":
    from pipeline.clients import otlp

    vars(otlp)["BatchSpanProcessor"] = at_once
    sys.exit(__main__.main())
