"""Writes docs/reliability.md from the figures of a full run."""

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

The faults that were injected under load, how often, and the results. Written by
`make torture`, not by hand: {date}, {machine}, {minutes:.0f} minutes.

```console
$ make torture
```

## Faults

Events of eight kinds arrive all the time: uploads with several recipients, chat messages that are
counted, mentions, granted access, stale threads, and an unknown type. Some recipients have muted
them. After the faults, an oracle compares the database with the expected rows: each row of each
recipient and channel, each counter, and the state of each event. It shares no code with the
pipeline. *Lost* and *twice* count events, rows and counted messages. The last rows are of the
scheduled jobs, whose work is compared with a single honest run, and of mail, where the oracle
counts what the provider has accepted.

| fault | times | events | lost | twice | note |
|---|--:|--:|--:|--:|---|
{findings}

No loss in n trials means a rate below 3/n with 95 % confidence: after 1,000 kills, fewer than one
loss in 330. These are faults of parts on one machine; the cloud's own Pub/Sub and Dataflow were
not tested here.

## Controls

A test that cannot fail proves nothing. Each of these weakened variants met the same faults and the
same oracle, and had to be caught.

| weakened | caught by |
|---|---|
{controls}
"""


def render(figures: Figures, *, seconds: float) -> str:
    """Return the page."""
    return _PAGE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=_machine(),
        minutes=seconds / 60,
        findings=_lines(map(_finding, sorted(figures.findings, key=lambda row: row.order))),
        controls=_lines(map(_control, sorted(figures.controls, key=lambda row: row.order))),
    )


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
