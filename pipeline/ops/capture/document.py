"""The steps as one JSON object. Its keys are stable."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipeline.ops.capture.progress import Step


def document(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the JSON object. ``done`` is true if every step is done."""
    return {"done": all(step.done for step in steps), "steps": [asdict(step) for step in steps]}
