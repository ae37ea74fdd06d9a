"""Community requests: how many are open, and the order to close those that are over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.jobs.reactions.close_expired_requests import CLOSE_EXPIRED_REQUESTS
from pipeline.ops.jobs.request import request_run
from pipeline.ops.reactions.present import check_reactions
from pipeline.settings import DatabaseSettings

# An answer names at most so many.
MOST_NAMED: Final = 10_000

_TO_CLOSE: Final = load(__package__, "requests_to_close")
_STANDING: Final = load(__package__, "requests_standing")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsToClose:
    """The requests that the run of the job will close.

    Attributes:
        total: how many.
        ids: of these, at most ``MOST_NAMED``.
    """

    total: int
    ids: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsStanding:
    """How community requests stand.

    Attributes:
        open: those that are not closed.
        expired: those of them that have expired.
        answered: those of them that have not, and were answered by all whom they asked.
    """

    open: int
    expired: int
    answered: int


def close_requests(settings: DatabaseSettings) -> RequestsToClose:
    """Ask for a run of the job that closes what is over. Nothing is closed here.

    Without anything to close there is no run.

    Args:
        settings: the database, with the login of an operator.

    Raises:
        Conflict: the job is paused.
        ConfigurationError: the database has no reactions.
        TransientError: the database does not answer.
    """
    check_reactions(settings)
    row = with_connection(
        settings,
        lambda connection: connection.execute(_TO_CLOSE, {"most": MOST_NAMED}).fetchall()[0],
    )
    if row[0]:
        request_run(settings, CLOSE_EXPIRED_REQUESTS.name, changed={})
    return RequestsToClose(total=row[0], ids=row[1])


def read_requests(settings: DatabaseSettings) -> RequestsStanding:
    """Return how community requests stand.

    Raises:
        ConfigurationError: the database has no reactions.
        TransientError: the database does not answer.
    """
    check_reactions(settings)
    row = with_connection(settings, lambda connection: connection.execute(_STANDING).fetchall()[0])
    return RequestsStanding(open=row[0], expired=row[1], answered=row[2])
