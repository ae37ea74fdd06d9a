"""How the report looks, in a terminal of 80 columns and as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.ops.doctor.check import Finding, Verdict
from pipeline.ops.doctor.examine import Examined

_MOST_ALIKE: Final = 2
_MARKS: Final = {
    Verdict.OK: Text("✓", "green"),
    Verdict.WARNING: Text("!", "yellow"),
    Verdict.FAILED: Text("✗", "red"),
}


def render(report: Iterable[Examined]) -> RenderableType:
    """One line for each check, with the fix below; one for all that fail alike."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column()
    lines.add_column(width=15)
    lines.add_column(overflow="fold")
    left_out = []
    found: dict[Finding, list[str]] = {}
    for examined in report:
        if examined.finding is None:
            left_out.append(f"{examined.check.name} ({examined.check.needs})")
        else:
            found.setdefault(examined.finding, []).append(examined.check.name)
    for finding, names in found.items():
        text = Text(finding.seen)
        if finding.mend:
            text.append(f"\n→ {finding.mend}", "cyan")
        # What keeps many checks from being made is one thing to fix, not many.
        many = finding.verdict is Verdict.WARNING and len(names) > _MOST_ALIKE
        together = [f"{len(names)} checks"] if many else names
        for name in together:
            lines.add_row(_MARKS[finding.verdict], name, text)
    if not left_out:
        return lines
    return Group(lines, "", Text(f"left out: {', '.join(left_out)}", "dim"))


def as_json(report: Iterable[Examined]) -> Mapping[str, Any]:
    """The report as an object with stable keys; a check that was left out has the verdict null."""
    checks = [
        {
            "name": examined.check.name,
            "looks_at": examined.check.looks_at,
            "verdict": finding.verdict.value if finding else None,
            "seen": finding.seen if finding else f"left out: {examined.check.needs} is not given",
            "mend": finding.mend if finding else None,
        }
        for examined in report
        for finding in (examined.finding,)
    ]
    return {"ok": not any(check["verdict"] == Verdict.FAILED for check in checks), "checks": checks}
