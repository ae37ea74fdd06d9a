"""Look before the stream starts: is the database there, and does it have our tables?"""

import logging
from typing import Final

import psycopg

from pipeline.clients.postgres.credentials import connection_string
from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.locks import name_holder
from pipeline.clients.postgres.pool import session
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import SessionConnection, working
from pipeline.clients.postgres.tables import check_tables
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.settings import DatabaseSettings

_log: Final = logging.getLogger(__name__)


def check_database(settings: DatabaseSettings, *, tables: bool = False) -> None:
    """Return if the pipeline can work with this database.

    Args:
        settings: how to reach it.
        tables: also look at the application's tables, for whoever is to process events.

    Raises:
        ConfigurationError: it lets nobody in with these settings, was never migrated, or the
            application's tables are not as they have to be.
        TransientError: nobody answers, it is starting up, or has no room for a connection.
    """
    address = connection_string(settings)
    try:
        connection = SessionConnection.connect(address, session=session(settings))
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    with connection, WATCHDOG.watch(connection, settings.reply_timeout.total_seconds()):
        if connection.is_pooled:
            _log.info(
                "DATABASE_URL leads to a pooler that keeps no session: settings go with each"
                " transaction, which is slower; the port of the server itself is better"
            )
        try:
            with working(connection):
                connection.execute("SELECT FROM public.fanout_migrations")
                if tables:
                    check_tables(connection)
        except psycopg.Error as error:
            failure = classify(error, limit=settings.statement_timeout)
            raise name_holder(connection, error, failure, waited=settings.retry_for) from None
