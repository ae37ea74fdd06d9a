"""The report as one JSON object. Its keys are stable."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.ops.doctor.check import Severity
from pipeline.ops.doctor.examine import Examined


def document(report: Iterable[Examined]) -> Mapping[str, Any]:
    """Return the object. A check that was left out has the verdict null."""
    checks = [
        {
            "name": examined.check.name,
            "looks_at": examined.check.looks_at,
            "verdict": finding.severity.value if finding else None,
            "seen": finding.seen if finding else f"not run: {examined.check.needs} is not given",
            "fix": finding.fix if finding else None,
        }
        for examined in report
        for finding in (examined.finding,)
    ]
    return {
        "ok": not any(check["verdict"] == Severity.FAILED for check in checks),
        "checks": checks,
    }
