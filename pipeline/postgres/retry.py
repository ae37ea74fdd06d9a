"""Run an idempotent piece of database work until it succeeds, or until patience is at an end."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection

from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.postgres.credentials import connection_string
from pipeline.postgres.errors import classify
from pipeline.postgres.pool import take_connection
from pipeline.postgres.refusal import read_refusal
from pipeline.postgres.watchdog import WATCHDOG
from pipeline.settings import DatabaseSettings

ResultT = TypeVar("ResultT")

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 2.0
# For a reason only: a stop waits for it where the server is away.
CONNECT_SECONDS: Final = 3

_log: Final = logging.getLogger(__name__)


def with_connection(
    settings: DatabaseSettings, work: Callable[[Connection[Any]], ResultT]
) -> ResultT:
    """Call ``work`` with a connection of the process's pool, in autocommit.

    ``work`` must be idempotent: a cut connection leaves open whether it was committed, so it is
    simply done again. Pauses grow with full jitter, so that workers do not return in step.

    Raises:
        RejectedByDatabase: Postgres refuses the rows.
        TransientError: it did not succeed within ``settings.patience``.
        ConfigurationError: it cannot succeed.
    """
    deadline = time.monotonic() + settings.patience.total_seconds()
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            with (
                take_connection(settings) as connection,
                WATCHDOG.watch(connection, settings.silence.total_seconds()),
            ):
                return work(connection)
        except psycopg.Error as error:
            failure = classify(error)
            if not isinstance(failure, TransientError):
                raise failure from None
            if time.monotonic() >= deadline:
                raise _with_reason(settings, failure) from None
            _log.warning("%s; trying again", failure)
        time.sleep(random.uniform(0, pause))  # noqa: S311 - jitter needs no secrecy
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _with_reason(
    settings: DatabaseSettings, failure: TransientError
) -> TransientError | ConfigurationError:
    """The failure, with what a connection of our own is told: the pool keeps that to itself."""
    try:
        psycopg.connect(connection_string(settings), connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as error:
        return read_refusal(error).error
    return failure
