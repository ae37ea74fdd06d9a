"""The function that does each type of work of the scheduled jobs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pipeline.clients.named_secrets import read_text
from pipeline.domain.errors import ConfigurationError
from pipeline.jobs.job import CalendarWatches, Digests, Input, Job, Page, Pages, Retention, Work
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.steps.renew_watches import renew_watches
from pipeline.steps.retention import run_retention
from pipeline.steps.run_digests import run_digests
from pipeline.steps.run_pages import run_pages

# Does the work of a job. Yields a page after its transaction is committed.
Runner = Callable[[DatabaseSettings, Any, Input], Iterator[Page]]
Runners = Mapping[type[Work], Runner]

RUNNERS: Final[Runners] = {
    Pages: run_pages,
    Digests: run_digests,
    Retention: run_retention,
}


def runners_with(calendar: CalendarSettings, *, secret: str = "") -> Runners:
    """Return all runners, with the settings of the one for calendars.

    Args:
        calendar: the settings for Google.
        secret: the name of the client secret in Secret Manager, which is read when the job runs.
            Empty: the settings have the secret.
    """
    renew = partial(_renew_watches, calendar=calendar, secret=secret)
    return {**RUNNERS, CalendarWatches: renew}


def _renew_watches(
    settings: DatabaseSettings,
    work: CalendarWatches,
    given: Input,
    *,
    calendar: CalendarSettings,
    secret: str,
) -> Iterator[Page]:
    if secret:
        calendar = replace(calendar, client_secret=read_text(secret))
    yield from renew_watches(settings, work, given, calendar=calendar)


def pages_of(
    settings: DatabaseSettings, job: Job, given: Input, runners: Runners = RUNNERS
) -> Iterator[Page]:
    """Do the work of a job, page by page.

    Raises:
        ConfigurationError: no function is listed for this type of work.
    """
    runner = runners.get(type(job.work))
    if runner is None:
        raise ConfigurationError(f"no runner for {type(job.work).__name__}: add it to RUNNERS")
    return runner(settings, job.work, given)
