"""Check of tables of an application that took the place of those of the schema ``reactions``."""

from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.tables import DOCUMENT
from pipeline.ops.doctor.check import Check, Finding, failed, ok
from pipeline.ops.doctor.checks.reactions import NOT_INSTALLED
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.own_tables.faults import find_own_faults
from pipeline.ops.own_tables.given import GivenTable
from pipeline.ops.own_tables.needed import OWN_TABLES
from pipeline.ops.own_tables.standing import standing
from pipeline.ops.reactions.figures import has_reactions

_OURS: Final = "every table of the schema reactions is our own"


def _own_tables(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        if not has_reactions(connection):
            return ok(NOT_INSTALLED)
        views = {
            name: each for name, each in standing(connection, OWN_TABLES).items() if each.schema
        }
        given = [
            GivenTable(name, each.schema or "", each.table or "") for name, each in views.items()
        ]
        faults = find_own_faults(connection, given)
    if faults:
        fixes = [f"{fault.fix};" for fault in faults if fault.fix]
        return failed("\n".join(fault.seen for fault in faults), "\n".join([*fixes, _see(fixes)]))
    for each in given:
        hidden = {column.name for column in OWN_TABLES[each.name].columns} - set(
            views[each.name].columns
        )
        if hidden:
            return failed(
                f"{each.ours} does not show {', '.join(sorted(hidden))} of {each.own}",
                f"python -m pipeline migrate --family reactions --table {each.name}={each.own}",
            )
    if not given:
        return ok(_OURS)
    return ok(", ".join(f"{each.ours} is a view of {each.own}" for each in given))


def _see(fixes: list[str]) -> str:
    return f"-- {'or see' if fixes else 'see'} {DOCUMENT}"


CHECKS: Final = (Check("own tables", "pg_catalog", _own_tables),)
