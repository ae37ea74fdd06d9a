"""Draws the steps of ``capture`` in a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from pipeline.ops.capture.progress import Step


def show(console: Console, steps: Iterable[Step]) -> None:
    """Print one line per step, and below it what to do."""
    for step in steps:
        mark = Text("✓", "green") if step.done else Text("✗", "red")
        line = Text.assemble("  ", mark, f"  {step.name:<12}", step.seen)
        if step.todo:
            line.append(f"\n                  → {step.todo}", "cyan")
        console.print(line, soft_wrap=True)
