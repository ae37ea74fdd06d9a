"""Draws the report of ``doctor`` in a terminal of 80 columns."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.domain.units import counted
from pipeline.ops.doctor.check import Finding, Severity
from pipeline.ops.doctor.examine import Examined
from pipeline.screens.printable import printable_lines

_MOST_ALIKE: Final = 2
_MARKS: Final = {
    Severity.OK: Text("✓", "green"),
    Severity.WARNING: Text("!", "yellow"),
    Severity.FAILED: Text("✗", "red"),
}


def render(report: Iterable[Examined]) -> RenderableType:
    """Return one line per check with its fix below. Checks with the same warning share a line."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column()
    lines.add_column(width=16)
    lines.add_column(overflow="fold")
    not_run = []
    found: dict[Finding, list[str]] = {}
    for examined in report:
        if examined.finding is None:
            not_run.append(f"{examined.check.name} ({examined.check.needs})")
        else:
            found.setdefault(examined.finding, []).append(examined.check.name)
    for finding, names in found.items():
        text = Text(printable_lines(finding.seen))
        if finding.fix:
            text.append(f"\n→ {printable_lines(finding.fix)}", "cyan")
        # If one fault stops many checks, there is one thing to fix.
        many = finding.severity is Severity.WARNING and len(names) > _MOST_ALIKE
        together = [counted(len(names), "check")] if many else names
        for name in together:
            lines.add_row(_MARKS[finding.severity], name, text)
    if not not_run:
        return lines
    return Group(lines, "", Text(f"not run: {', '.join(not_run)}", "dim"))
