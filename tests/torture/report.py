"""The figures of a run as docs/reliability.md, which only the full run writes."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.streams import ROOT
from tests.torture.figures import Control, Figures, Finding

PATH: Final = ROOT / "docs" / "reliability.md"
_CPUINFO: Final = Path("/proc/cpuinfo")

_PAGE: Final = """# Reliability

What was done to the system under load, how often, and what was found afterwards. Written by
`make torture`, not by hand: {date}, {machine}, {minutes:.0f} minutes.

```console
$ make torture
```

## Faults

Events of eight kinds arrive all the time: uploads with several recipients, chat messages that are
counted, mentions, granted access, stale threads, an unknown type, with some recipients muted. After
the faults an oracle that shares no code with the pipeline compares the database with what must be
in it: each row of each recipient and channel, each counter, the state of each event. *Lost* and
*twice* count events, rows and counted messages.

| fault | times | events | lost | twice | besides |
|---|--:|--:|--:|--:|---|
{findings}

None in n trials means fewer than 3/n with 95 % confidence: after 1,000 kills, fewer than one loss
in 330. These are faults of parts on one machine; the cloud's own Pub/Sub and Dataflow were not
tried here.

## Controls

A test that cannot fail proves nothing. Each of these weakened variants met the same faults and the
same oracle, and had to be caught.

| weakened | caught by |
|---|---|
{controls}
"""


def render(figures: Figures, *, seconds: float) -> str:
    """The page."""
    return _PAGE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=_machine(),
        minutes=seconds / 60,
        findings=_lines(map(_finding, sorted(figures.findings, key=lambda row: row.order))),
        controls=_lines(map(_control, sorted(figures.controls, key=lambda row: row.order))),
    )


def summary(figures: Figures) -> str:
    """The same for a terminal, of as much as has run."""
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
