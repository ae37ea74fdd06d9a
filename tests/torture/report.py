"""Writes the parts of docs/reliability.md from the figures of a full run."""

import os
import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipeline.domain.units import counted
from tests.streams import ROOT
from tests.torture.figures import Control, Figures, Finding

PATH: Final = ROOT / "docs" / "reliability.md"
_CPUINFO: Final = Path("/proc/cpuinfo")

_PART: Final = """## {part}

{date}, {machine}, {minutes}:

```console
$ make torture PART={part}
```

{tables}
"""
_FAULTS: Final = """| fault | times | events | lost | twice | note |
|---|--:|--:|--:|--:|---|
"""
_CONTROLS: Final = """| weakened | caught by |
|---|---|
"""


def with_part(page: str, part: str, figures: Figures, *, seconds: float) -> str:
    """Return the page with the results of one part in place of its earlier ones.

    Args:
        page: the text of docs/reliability.md.
        part: a key of ``PARTS``; a complete one.
        figures: of a full run.
        seconds: that the tests of this part took.
    """
    findings, controls = figures.of(part)
    tables = []
    if findings:
        tables.append(_FAULTS + _lines(map(_finding, findings)))
    if controls:
        tables.append(_CONTROLS + _lines(map(_control, controls)))
    section = _PART.format(
        part=part,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=_machine(),
        minutes=counted(max(1, round(seconds / 60)), "minute"),
        tables="\n\n".join(tables),
    )
    old = re.compile(rf"^## {part}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if not old.search(page):
        return f"{page.rstrip()}\n\n{section}"
    return old.sub(lambda _: f"{section}\n", page).rstrip() + "\n"


def summary(figures: Figures) -> str:
    """Return the figures so far, for a terminal."""
    return _lines(
        [
            *map(_finding, sorted(figures.findings, key=lambda row: row.order)),
            *map(_control, sorted(figures.controls, key=lambda row: row.order)),
        ]
    )


def _finding(row: Finding) -> str:
    if row.events is None:
        return f"| {row.fault} | {row.times:,} | | | | {row.note} |"
    return (
        f"| {row.fault} | {row.times:,} | {row.events:,} | {row.lost:,} | {row.duplicated:,}"
        f" | {row.note} |"
    )


def _control(row: Control) -> str:
    return f"| {row.weakened} | {row.caught} |"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in (_CPUINFO.read_text().splitlines() if _CPUINFO.exists() else [])
        if line.startswith("model name")
    ]
    processor = names[0] if names else platform.machine()
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}"
