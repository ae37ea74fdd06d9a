"""The figures as one JSON object. Its keys are stable."""

from dataclasses import asdict
from typing import Any

from pipeline.ops.status.figures import StatusFigures


def document(status: StatusFigures) -> dict[str, Any]:
    """Return the JSON object. None stands for no value, or for a value that is not visible."""
    return asdict(status)
