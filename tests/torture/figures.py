"""The faults and results of a run, for the terminal and for docs/reliability.md."""

from dataclasses import dataclass, field
from typing import Final

from tests.torture.oracle import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault: how often it was injected, and the result.

    Attributes:
        order: the position of the row in the table.
        note: another measurement.
    """

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

    order: int
    weakened: str
    caught: str


FAULTS: Final = 20
CONTROLS: Final = 10


@dataclass(slots=True)
class Figures:
    """Collects the reports of one run's tests; a test reports only after it has passed."""

    findings: list[Finding] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)

    def found(self, order: int, fault: str, times: int, result: Audit, note: str = "") -> None:
        """Add a fault, with the audit after it."""
        self.findings.append(
            Finding(
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
        self.findings.append(Finding(order=order, fault=fault, times=times, note=note))

    def caught(self, order: int, weakened: str, how: str) -> None:
        """Add a control that was caught."""
        self.controls.append(Control(order=order, weakened=weakened, caught=how))

    @property
    def are_complete(self) -> bool:
        """Whether every fault and every control has reported."""
        faults = {finding.order for finding in self.findings}
        controls = {control.order for control in self.controls}
        return len(faults) == FAULTS and len(controls) == CONTROLS
