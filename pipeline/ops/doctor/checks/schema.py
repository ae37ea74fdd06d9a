"""Check of the schema: every migration is applied."""

from typing import Final

from pipeline.ops.doctor.check import Check, Finding, failed, ok
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.migrate import pending


def _migrations(installation: Installation) -> Finding:
    installation.connection()
    missing = pending(installation.database.dsn)
    if missing:
        return failed(
            f"{len(missing)} not applied, the first is {missing[0]}", "python -m pipeline migrate"
        )
    return ok("all applied")


CHECKS: Final = (Check("migrations", "fanout_migrations", _migrations),)
