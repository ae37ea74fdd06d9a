"""Checks before the stream starts: the database answers and has our tables."""

import logging
from typing import Final

import psycopg

from pipeline.clients.postgres.credentials import connection_string
from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.locks import name_holder
from pipeline.clients.postgres.pool import has_connection, session
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.session import SessionConnection, working
from pipeline.clients.postgres.tables import check_tables
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.errors import ConfigurationError
from pipeline.settings import DatabaseSettings

_log: Final = logging.getLogger(__name__)

_HAS_TABLE: Final = "SELECT to_regclass(%s) IS NOT NULL"


def check_first(settings: DatabaseSettings) -> None:
    """Check the database before the first work on it: while the pool has no connection.

    A command so fails at once, with the cause. A service does not connect for each request.

    Raises:
        ConfigurationError: see ``check_database``.
        TransientError: see ``check_database``.
    """
    if not has_connection(settings):
        check_database(settings)


def check_database(
    settings: DatabaseSettings, *, tables: bool = False, with_jobs: bool = False
) -> None:
    """Check that the pipeline can work with this database.

    Args:
        settings: how to reach the database.
        tables: also check the application's tables. Needed to process events.
        with_jobs: also those that the scheduled jobs need.

    Raises:
        ConfigurationError: the database rejects the login, was never migrated, or a table of the
            application is wrong.
        TransientError: the database does not answer, is starting up, or has no free connection.
    """
    address = connection_string(settings)
    try:
        connection = SessionConnection.connect(address, session=session(settings))
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    with connection, WATCHDOG.watch(connection, settings.reply_timeout.total_seconds()):
        if connection.is_pooled:
            _log.info(
                "DATABASE_URL points to a transaction pooler: settings are sent with each"
                " transaction, which is slower; use the port of the server itself if you can"
            )
        try:
            with working(connection):
                connection.execute("SELECT FROM public.fanout_migrations")
                if tables:
                    check_tables(connection, with_jobs=with_jobs)
        except psycopg.Error as error:
            failure = classify(error, limit=settings.statement_timeout)
            raise name_holder(connection, error, failure, waited=settings.retry_for) from None


def check_family(settings: DatabaseSettings, family: str, table: str) -> None:
    """Check that the pipeline can work with this database, and that it has the tables of a family.

    Args:
        settings: how to reach the database.
        family: the name of the family, as ``migrate --family`` takes it.
        table: one of its tables, with its schema, that its graph needs.

    Raises:
        ConfigurationError: it lacks them, or cannot be used at all.
        TransientError: see ``check_database``.
    """
    check_database(settings)
    has_table = with_connection(
        settings, lambda connection: connection.execute(_HAS_TABLE, (table,)).fetchone() == (True,)
    )
    if not has_table:
        raise ConfigurationError(
            f"the database lacks the tables of {family};"
            f" run: python -m pipeline migrate --family {family}"
        )
