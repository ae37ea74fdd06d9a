"""Look before the stream starts: is the database there, and does it have our tables?"""

from typing import Final

import psycopg

from pipeline.postgres.credentials import connection_string
from pipeline.postgres.errors import classify
from pipeline.postgres.refusal import read_refusal
from pipeline.postgres.watchdog import WATCHDOG
from pipeline.settings import DatabaseSettings

CONNECT_SECONDS: Final = 5


def check_database(settings: DatabaseSettings) -> None:
    """Return if the pipeline can work with this database.

    Raises:
        ConfigurationError: it lets nobody in with these settings, or was never migrated.
        TransientError: nobody answers, it is starting up, or has no room for a connection.
    """
    try:
        connection = psycopg.connect(connection_string(settings), connect_timeout=CONNECT_SECONDS)
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    with connection, WATCHDOG.watch(connection, settings.silence.total_seconds()):
        try:
            connection.execute("SELECT FROM public.fanout_migrations")
        except psycopg.Error as error:
            raise classify(error) from None
