"""The faults and results of a run, for the terminal and for docs/reliability.md."""

from dataclasses import dataclass, field
from typing import Final

from tests.torture.oracle import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault: how often it was injected, and the result.

    Attributes:
        part: see ``PARTS``.
        order: the position of the row in the table.
        note: another measurement.
    """

    part: str
    order: int
    fault: str
    times: int
    events: int | None = None
    lost: int = 0
    duplicated: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One weakened variant, and how the oracle caught it."""

    part: str
    order: int
    weakened: str
    caught: str


# The files of tests, test_kills.py and so on, and how many faults and controls each reports.
PARTS: Final = {
    "kills": (2, 2),
    "postgres": (1, 1),
    "pubsub": (3, 1),
    "connections": (2, 1),
    "capture": (3, 0),
    "poison": (2, 0),
    "deadlocks": (0, 1),
    "backlog": (1, 0),
    "jobs": (2, 1),
    "mail": (7, 2),
    "mail_faults": (3, 3),
    "push": (8, 2),
    "push_faults": (1, 1),
    "reactions": (4, 3),
}


@dataclass(slots=True)
class Figures:
    """Collects the reports of one run's tests; a test reports only after it has passed.

    Attributes:
        part: of the test that runs.
    """

    part: str = ""
    findings: list[Finding] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)

    def found(self, order: int, fault: str, times: int, result: Audit, note: str = "") -> None:
        """Add a fault, with the audit after it."""
        self.findings.append(
            Finding(
                part=self.part,
                order=order,
                fault=fault,
                times=times,
                events=result.events,
                lost=result.lost_events + result.lost,
                duplicated=result.duplicated,
                note=note,
            )
        )

    def tried(self, order: int, fault: str, times: int, note: str) -> None:
        """Add a fault without a database."""
        self.findings.append(
            Finding(part=self.part, order=order, fault=fault, times=times, note=note)
        )

    def caught(self, order: int, weakened: str, how: str) -> None:
        """Add a control that was caught."""
        self.controls.append(Control(part=self.part, order=order, weakened=weakened, caught=how))

    def of(self, part: str) -> tuple[list[Finding], list[Control]]:
        """What the tests of a part reported, in order."""
        findings = [each for each in self.findings if each.part == part]
        controls = [each for each in self.controls if each.part == part]
        return (
            sorted(findings, key=lambda row: row.order),
            sorted(controls, key=lambda row: row.order),
        )

    @property
    def complete(self) -> list[str]:
        """The parts of which every fault and every control has reported."""
        return [
            part
            for part, numbers in PARTS.items()
            if tuple(len(rows) for rows in self.of(part)) == numbers
        ]
