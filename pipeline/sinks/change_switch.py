"""Change the switch of a breaker: a statement in, whether it changed the switch out."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.facts.switches import switches_of
from pipeline.settings import DatabaseSettings


def change_switch(
    settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]
) -> bool:
    """Execute a statement that returns a row if it changed a switch; read switches anew after it.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the switch cannot be written until a person fixes it.
    """

    def execute(connection: Connection[Any]) -> bool:
        return connection.execute(statement, parameters).fetchone() is not None

    changed = with_connection(settings, execute)
    switches_of(settings).forget()
    return changed
