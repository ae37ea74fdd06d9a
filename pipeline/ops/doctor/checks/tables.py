"""Check of the application's tables: they have the columns that the pipeline needs."""

from collections.abc import Sequence
from typing import Final

from pipeline.clients.postgres.application import SCHEMA
from pipeline.clients.postgres.application_jobs import needed
from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.tables import (
    DOCUMENT,
    NO_APPLICATION,
    TableFault,
    find_faults,
    has_application,
)
from pipeline.ops.doctor.check import Check, Finding, failed, ok
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.jobs.read import has_jobs


def _tables(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        with_jobs = has_jobs(connection)
        faults = find_faults(connection, with_jobs=with_jobs)
        if faults and not has_application(connection):
            return failed("this database has no tables of an application", NO_APPLICATION)
    if not faults:
        number = len({table.name for table in needed(with_jobs=with_jobs)})
        return ok(f"all {number} in schema {SCHEMA} have the needed columns")
    return failed("\n".join(fault.seen for fault in faults), _fix(faults))


def _fix(faults: Sequence[TableFault]) -> str:
    """Return the known statements, ready to paste, and the document that has the rest."""
    statements = [fault.fix for fault in faults if fault.fix]
    if not statements:
        return f"see {DOCUMENT}"
    rest = "or see" if len(statements) == len(faults) else "for the others see"
    return "\n".join([*(f"{each};" for each in statements), f"-- {rest} {DOCUMENT}"])


CHECKS: Final = (Check("tables", "pg_catalog", _tables, needs_fanout=True),)
