"""Reads the switches that hold back an event type or a job."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.ops.switches.change import count_waiting
from pipeline.settings import DatabaseSettings

_SWITCHES: Final = load(__package__, "switches")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchListed:
    """A switch.

    Attributes:
        state: ``paused`` by a person, or ``open`` by the breaker.
        who: the login that set it.
        reason: why, in that person's words or the breaker's.
        until: of an open breaker, when one event is tried.
        waiting: how many events of the type, or runs of the job, wait.
    """

    name: str
    state: str
    who: str
    since: datetime
    reason: str | None
    until: datetime | None
    waiting: int


def list_switches(settings: DatabaseSettings) -> list[SwitchListed]:
    """Return every switch, by name.

    Raises:
        ConfigurationError: the database was never migrated.
        TransientError: the database does not answer.
    """
    check_first(settings)

    def work(connection: Connection[Any]) -> list[SwitchListed]:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_SWITCHES).fetchall()
        return [SwitchListed(**row, waiting=count_waiting(connection, row["name"])) for row in rows]

    return with_connection(settings, work)
