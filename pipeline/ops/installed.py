"""Which families a database was migrated for: a connection in."""

from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.session import working
from pipeline.ops.families import Family, families_of

# Said of a part, and of a check, that needs the family.
NO_FANOUT: Final = f"the family {Family.FANOUT} is not installed"

_MAY_READ: Final = "SELECT has_table_privilege(to_regclass('public.fanout_migrations'), 'SELECT')"
_RECORDED: Final = "SELECT name FROM public.fanout_migrations"


def lacks_fanout(connection: Connection[Any]) -> bool:
    """Return whether there is no fan-out: only the kernel, or families without an application.

    Args:
        connection: in autocommit. If its login may not read which migrations are applied, the
            answer is no.

    Raises:
        psycopg.Error: the database cannot be read.
    """
    with working(connection):
        if connection.execute(_MAY_READ).fetchone() != (True,):
            return False
        recorded = [name for (name,) in connection.execute(_RECORDED)]
    return not any(family.needs_application for family in families_of(recorded))
