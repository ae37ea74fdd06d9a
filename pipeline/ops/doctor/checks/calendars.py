"""Whether people have to connect their calendars again."""

from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.domain.units import counted, duration
from pipeline.ops.doctor.check import Check, Finding, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.jobs.kept import RevokedGrants, read_revoked


def judge_grants(grants: RevokedGrants | None) -> Finding:
    """Return whether grants are revoked, and for how long the oldest is."""
    if grants is None:
        return ok("the family jobs is not installed")
    if not grants.revoked:
        return ok("no calendar grant is revoked")
    are = "is" if grants.revoked == 1 else "are"
    return warning(
        f"{counted(grants.revoked, 'calendar grant')} {are} revoked,"
        f" the oldest for {duration(grants.oldest_seconds)}; their watches are not renewed",
        "ask these people to connect their calendars again:"
        " SELECT connection_id, reason, since FROM fanout.calendar_grants",
    )


def _calendars(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_grants(read_revoked(connection))


CHECKS: Final = (Check("calendar grants", "fanout.calendar_grants", _calendars),)
