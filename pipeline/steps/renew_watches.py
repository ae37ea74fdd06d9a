"""Renew the calendar watches that end within a day: the input of a run in, its pages out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pipeline.clients.google_calendar.client import GoogleCalendar
from pipeline.domain.errors import PermanentError, TransientError
from pipeline.domain.units import counted
from pipeline.jobs.job import CalendarWatches, Counts, Input, Page
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.steps.watches.renew import Renewal, Renewer
from pipeline.steps.watches.rows import CalendarConnection, WatchRows
from pipeline.steps.watches.turn import Turn

# How many connections are renewed at the same time.
WORKERS: Final = 8
# Connections in a page. Even if Google never answers, a page ends within the lease of the run.
PAGE_SIZE: Final = 40


def renew_watches(
    settings: DatabaseSettings,
    work: CalendarWatches,  # noqa: ARG001 - as every runner
    given: Input,
    *,
    calendar: CalendarSettings,
) -> Iterator[Page]:
    """Renew every watch that ends within 24 hours, or show which. Yield each page after it is done.

    A connection that fails does not stop the others. It counts as failed, and the log says why.

    Raises:
        ConfigurationError: a setting or the table is missing, or Google refuses our client.
        TransientError: Postgres cannot be reached. Also after the last page, if watches were not
            renewed and a retry may renew them.
        PermanentError: after the last page, if watches were not renewed and no retry can help.
    """
    rows = WatchRows(settings, given.now)
    rows.check()
    if given.dry_run:
        yield from _preview(rows, given.after)
        return
    with (
        GoogleCalendar(calendar, connections=WORKERS) as google,
        ThreadPoolExecutor(WORKERS, thread_name_prefix="watches") as pool,
    ):
        if given.after is None:
            rows.forget()
        renewer = Renewer(google, rows, Turn())
        ends = Counter[Renewal]()
        for page, cursor in _pages(rows, given.after):
            futures = [pool.submit(renewer.renew, connection) for connection in page]
            try:
                renewals = [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
            ends.update(renewals)
            yield Page(counts=_counts(page, renewals), cursor=cursor)
    if later := ends[Renewal.LATER]:
        raise TransientError(f"{counted(later, 'watch', 'watches')} not renewed yet: see the log")
    if failed := ends[Renewal.FAILED]:
        raise PermanentError(
            f"{counted(failed, 'watch', 'watches')} not renewed: the log names the connections;"
            " set sync_enabled to false for those that are no longer needed"
        )


def _pages(
    rows: WatchRows, after: str | None
) -> Iterator[tuple[Sequence[CalendarConnection], str | None]]:
    """Yield pages of connections, each with the cursor of the next page; None after the last."""
    while True:
        page = rows.page(after, PAGE_SIZE)
        after = str(page[-1].id) if len(page) == PAGE_SIZE else None
        yield page, after
        if after is None:
            return


def _preview(rows: WatchRows, after: str | None) -> Iterator[Page]:
    for page, cursor in _pages(rows, after):
        renewals = [_prediction(connection) for connection in page]
        yield Page(
            counts=_counts(page, renewals),
            cursor=cursor,
            preview=[
                {"connection_id": str(connection.id)}
                for connection, renewal in zip(page, renewals, strict=True)
                if renewal is Renewal.RENEWED
            ],
        )


def _prediction(connection: CalendarConnection) -> Renewal:
    if not connection.is_due:
        return Renewal.NOTHING_DUE
    return Renewal.SKIPPED if connection.is_revoked else Renewal.RENEWED


def _counts(page: Sequence[CalendarConnection], renewals: Sequence[Renewal]) -> Counts:
    return Counts(
        scanned=len(page),
        due=sum(connection.is_due for connection in page),
        emitted=renewals.count(Renewal.RENEWED),
        skipped=renewals.count(Renewal.SKIPPED),
        failed=renewals.count(Renewal.FAILED) + renewals.count(Renewal.LATER),
    )
