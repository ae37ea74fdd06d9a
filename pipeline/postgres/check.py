"""Look before the stream starts: is the database there, and does it have our tables?"""

from typing import Final

import psycopg

from pipeline.domain.errors import ConfigurationError
from pipeline.postgres.errors import classify
from pipeline.settings import DatabaseSettings

CONNECT_SECONDS: Final = 5


def check_database(settings: DatabaseSettings) -> None:
    """Return if the pipeline can work with this database.

    Raises:
        ConfigurationError: it cannot be reached, or was never migrated.
        TransientError: it is starting up, or has no room for a connection.
    """
    try:
        connection = psycopg.connect(settings.dsn, connect_timeout=CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        # The first line names host, port and cause; the dsn and its password are not in it.
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"Postgres cannot be reached: {reason}") from None
    with connection:
        try:
            connection.execute("SELECT FROM public.fanout_migrations")
        except psycopg.Error as error:
            raise classify(error) from None
