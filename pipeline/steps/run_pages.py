"""Run the statement of a job page by page: the input of a run in, a ``Page`` for each page out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import RejectedByDatabase, UsageError
from pipeline.jobs.job import Counts, Input, Page, Pages
from pipeline.settings import DatabaseSettings

# A row was deleted after the page had read it. The next try does not read it, and succeeds.
_GONE: Final = "23503"
_TRIES: Final = 5


def run_pages(settings: DatabaseSettings, work: Pages, given: Input) -> Iterator[Page]:
    """Do the pages of a run, one after the other. Yield each after it is done.

    Args:
        settings: the database.
        work: the statement and its parameters.
        given: the time that counts as now, where to continue, and changed parameters.

    Raises:
        UsageError: a changed parameter does not exist.
        TransientError: the database could not be reached in time; run again from the last cursor.
        ConfigurationError: it cannot succeed.
    """
    statement = load(work.package, work.statement, work.only)
    parameters = _parameters(work, given)
    after = given.after
    while True:
        page = _do(settings, statement, {**parameters, "after": after})
        yield page
        if page.cursor is None:
            return
        after = page.cursor


def _parameters(work: Pages, given: Input) -> dict[str, Any]:
    for name in given.changed:
        if name not in work.parameters:
            names = " or ".join(work.parameters) or "none: the job has no parameters"
            raise UsageError(f"invalid parameter {name!r}: expected {names}")
    return {
        **work.parameters,
        **given.changed,
        "now": given.now,
        "most": work.most,
        "dry_run": given.dry_run,
    }


def _do(settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]) -> Page:
    def execute(connection: Connection[Any]) -> Page:
        (row,) = connection.execute(statement, parameters).fetchall()
        scanned, due, emitted, skipped, cursor, preview = row
        counts = Counts(scanned=scanned, due=due, emitted=emitted, skipped=skipped)
        return Page(counts=counts, cursor=cursor, preview=preview or ())

    for left in reversed(range(_TRIES)):
        try:
            return with_connection(settings, execute)
        except RejectedByDatabase as error:
            if error.sqlstate != _GONE or not left:
                raise
    raise AssertionError("the last try returns or raises")
