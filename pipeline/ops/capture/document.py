"""The steps as one JSON object whose keys stay as they are."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipeline.ops.capture.progress import Step


def document(steps: Sequence[Step]) -> dict[str, Any]:
    """The object; ``done`` where every step is."""
    return {"done": all(step.done for step in steps), "steps": [asdict(step) for step in steps]}
