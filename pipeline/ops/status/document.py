"""The figures as one JSON object whose keys stay as they are."""

from dataclasses import asdict
from typing import Any

from pipeline.ops.status.figures import StatusFigures


def document(status: StatusFigures) -> dict[str, Any]:
    """The object; None stands for nothing, or for what is not visible."""
    return asdict(status)
