"""Whether an unfinished event keeps retention from deleting ledger rows."""

from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.domain.units import duration
from pipeline.ops.doctor.check import Check, Finding, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.jobs.kept import LedgerMark, read_mark


def judge_mark(mark: LedgerMark | None) -> Finding:
    """Judge whether the mark of the ledger stops at an event, and for how long."""
    if mark is None:
        return ok("the family jobs is not installed")
    if mark.held_by is None:
        return ok("no unfinished event holds up the mark of the ledger")
    return warning(
        f"the ledger is kept from event {mark.held_by} on, {duration(mark.behind_seconds or 0)}"
        " longer than it should be: the event has no final state",
        f"python -m pipeline why --event {mark.held_by}; then: python -m pipeline catch-up, or"
        " resume if its type is paused",
    )


def _retention(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_mark(read_mark(connection))


CHECKS: Final = (Check("retention", "fanout.retention_marks", _retention, needs_fanout=True),)
