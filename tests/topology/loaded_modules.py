"""The pipeline, and at its end the loaded modules of OpenTelemetry beyond its API, as JSON."""

import json
import sys
from typing import Final

from pipeline import __main__

BEYOND: Final = ("opentelemetry.sdk", "opentelemetry.exporter", "pipeline.clients.otlp")

if __name__ == "__main__":
    status = __main__.main()
    sys.stdout.write(json.dumps([name for name in sys.modules if name.startswith(BEYOND)]) + "\n")
    sys.stdout.flush()
    sys.exit(status)
