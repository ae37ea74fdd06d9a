"""Runs idempotent database work, and retries it for a while if it fails."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection

from pipeline.clients.postgres.errors import classify, is_lost
from pipeline.clients.postgres.left_behind import check_left_behind, suspect
from pipeline.clients.postgres.locks import is_about_a_lock, name_holder
from pipeline.clients.postgres.pool import reason, take_connection
from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.backoff import Backoff
from pipeline.domain.errors import FanoutError, StatementTimeout, TransientError
from pipeline.settings import DatabaseSettings

ResultT = TypeVar("ResultT")

# Any pause up to the full one, so that workers do not retry at the same moment.
BACKOFF: Final = Backoff(first=0.05, longest=2.0, at_least=0.0)

_log: Final = logging.getLogger(__name__)


def with_connection(
    settings: DatabaseSettings,
    work: Callable[[Connection[Any]], ResultT],
    *,
    snapshot: bool = False,
) -> ResultT:
    """Call ``work`` with a connection of the process's pool, in autocommit.

    ``work`` must be idempotent. After a lost connection we do not know whether it was committed, so
    we do it again.

    Args:
        settings: the settings of the pool.
        work: accepts the connection. Behind a pooler its statements are one transaction.
        snapshot: all statements see the same state of the database, and can change nothing.

    Raises:
        RejectedByDatabase: Postgres rejects the rows.
        UnusableValue: psycopg cannot read or write a value.
        StatementTimeout: a statement takes too long. Not retried: it would take too long again.
        TransientError: the work did not succeed within ``settings.retry_for``.
        ConfigurationError: the work cannot succeed.
    """
    deadline = time.monotonic() + settings.retry_for.total_seconds()
    for pause in BACKOFF.pauses(random.uniform):
        try:
            with (
                take_connection(settings) as connection,
                WATCHDOG.watch(connection, settings.reply_timeout.total_seconds()),
                working(connection, snapshot=snapshot),
            ):
                check_left_behind(settings, connection)
                return work(connection)
        except psycopg.Error as error:
            failure = classify(error, limit=settings.statement_timeout)
            if not isinstance(failure, TransientError) or isinstance(failure, StatementTimeout):
                raise failure from None
            if is_lost(error):
                suspect(settings)
            if time.monotonic() >= deadline or WATCHDOG.is_capped:
                # The error of the pool does not say why it cannot connect.
                unreachable = reason(settings) if error.sqlstate is None else None
                raise unreachable or _explained(settings, error, failure) from None
            _log.warning("%s; trying again", failure)
        time.sleep(pause)
    raise AssertionError("the pauses have no end")


def try_once(settings: DatabaseSettings, work: Callable[[Connection[Any]], ResultT]) -> ResultT:
    """Call ``work`` with a connection of the process's pool, in autocommit. Log and retry nothing.

    For work that comes again by itself.

    Raises:
        FanoutError: as ``with_connection``.
    """
    try:
        with (
            take_connection(settings) as connection,
            WATCHDOG.watch(connection, settings.reply_timeout.total_seconds()),
            working(connection),
        ):
            return work(connection)
    except psycopg.Error as error:
        raise classify(error, limit=settings.statement_timeout) from None


def _explained(
    settings: DatabaseSettings, error: psycopg.Error, failure: FanoutError
) -> FanoutError:
    """Return the failure. If it was a lock timeout, name the holder of the lock."""
    if not is_about_a_lock(error):
        return failure
    try:
        with (
            take_connection(settings) as connection,
            WATCHDOG.watch(connection, settings.retry_for.total_seconds()),
        ):
            return name_holder(connection, error, failure, waited=settings.retry_for)
    except psycopg.Error:
        return failure
