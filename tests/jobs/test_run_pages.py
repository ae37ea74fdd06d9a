"""What the runner of pages does with what it is given."""

from datetime import timedelta

import pytest

from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.jobs.job import Counts, Input, Job, Pages
from pipeline.steps.run_pages import run_pages
from tests.golden.world import U1, U2
from tests.jobs.desk import JOBS, NOW, Desk, pages_of


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_an_empty_database_is_one_page(desk: Desk, job: Job) -> None:
    desk.execute("TRUNCATE projects, meetings, chat_threads CASCADE")
    (page,) = desk.pages(job)
    assert (page.counts, page.cursor, page.preview) == (Counts(), None, ())


def test_a_parameter_that_does_not_exist_is_refused_before_anything_is_done(desk: Desk) -> None:
    desk.meet(NOW + timedelta(minutes=5), U1, U2)
    with pytest.raises(UsageError) as refused:
        desk.run(JOBS[0], most_stale_days=3)
    assert str(refused.value) == (
        "invalid parameter 'most_stale_days':"
        " expected lead_minutes or include_declined or include_organizer"
    )
    assert desk.emitted() == []


def test_a_run_goes_on_where_the_cursor_says(desk: Desk) -> None:
    work = pages_of(JOBS[1], most=2)
    first = next(run_pages(desk.job_settings, work, Input(now=NOW)))
    rest = list(run_pages(desk.job_settings, work, Input(now=NOW, after=first.cursor)))
    assert first.counts.scanned + sum(page.counts.scanned for page in rest) == 7


def test_without_rights_the_error_says_so(desk: Desk) -> None:
    desk.execute("REVOKE SELECT ON projects FROM fanout_jobs")
    with pytest.raises(ConfigurationError, match="permission denied for table projects"):
        list(run_pages(desk.job_settings, pages_of(JOBS[2]), Input(now=NOW)))


def test_a_job_without_parameters_takes_none(desk: Desk) -> None:
    work = Pages(statement="meeting_reminders")
    with pytest.raises(UsageError, match="expected none: the job has no parameters"):
        list(run_pages(desk.job_settings, work, Input(now=NOW, changed={"lead": 1})))
