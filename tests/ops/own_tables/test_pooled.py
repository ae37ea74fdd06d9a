"""Tables of an application take the place of ours through a pooler, whose sessions it uses too."""

import psycopg

from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.given import read_tables
from tests.clients.postgres.pgbouncer import needs_pgbouncer, pgbouncer
from tests.databases import Database
from tests.ops.own_tables.application import Application

LOOK = "SELECT pg_backend_pid(), current_setting('search_path'), current_setting('lock_timeout')"


def sessions(behind: Database) -> set[tuple[str, str]]:
    """How the application finds the two sessions of the pooler."""
    with psycopg.connect(behind.dsn) as one, psycopg.connect(behind.dsn) as other:
        rows = [each.execute(LOOK).fetchone() for each in (one, other)]
    assert all(rows)
    found = {row[0]: (row[1], row[2]) for row in rows if row}
    assert len(found) == 2
    return set(found.values())


@needs_pgbouncer
def test_the_application_finds_the_sessions_of_a_pooler_as_they_were(own: Application) -> None:
    with pgbouncer(own.database, "transaction", ignores_options=True) as behind:
        before = sessions(behind)
        for table in ("events=public.events", "events="):
            assert migrate(behind.dsn, family=Family.REACTIONS, tables=read_tables([table]))
            assert sessions(behind) == before
