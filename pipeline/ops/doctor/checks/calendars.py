"""Whether people have to connect their calendars again."""

from typing import Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.units import counted, duration
from pipeline.ops.doctor.check import Check, Finding, ok, warning
from pipeline.ops.doctor.installation import Installation

_IS_KEPT: Final = load("pipeline.ops.doctor", "keeps_calendars")
_REVOKED: Final = load("pipeline.ops.doctor", "revoked_grants")


def judge_grants(revoked: int, oldest_seconds: float) -> Finding:
    """Return whether grants are revoked, and for how long the oldest is."""
    if not revoked:
        return ok("no calendar grant is revoked")
    are = "is" if revoked == 1 else "are"
    return warning(
        f"{counted(revoked, 'calendar grant')} {are} revoked,"
        f" the oldest for {duration(oldest_seconds)}; their watches are not renewed",
        "ask these people to connect their calendars again:"
        " SELECT connection_id, reason, since FROM fanout.calendar_grants",
    )


def _calendars(installation: Installation) -> Finding:
    if not installation.rows(_IS_KEPT)[0].is_kept:
        return ok("the family jobs is not installed")
    [row] = installation.rows(_REVOKED)
    return judge_grants(row.revoked, row.oldest_seconds)


CHECKS: Final = (Check("calendar grants", "fanout.calendar_grants", _calendars),)
