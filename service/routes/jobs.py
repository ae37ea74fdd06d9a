"""``/v1/jobs``: the scheduled jobs, their runs, and a run now."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, TypeAdapter

from pipeline.ops.jobs.read import list_jobs
from pipeline.ops.jobs.request import request_run
from pipeline.ops.jobs.runs import RunListed, list_runs
from service.answers.described import answers
from service.answers.jobs import JOB, REQUESTED, RUN, Jobs, RunAsked, RunNow
from service.answers.paging import Paged, PageQuery, page_of, position_of
from service.answers.values import Word
from service.databases import Operator, Viewer
from service.identity.needs import Audited
from service.once import OnceOnly

router = APIRouter(prefix="/v1", tags=["jobs"])

# In the list of runs: the time that the run is scheduled for.
_POSITION: Final = TypeAdapter(tuple[AwareDatetime])

JobPath = Annotated[Word, Path(description="its name, as in /v1/jobs")]


@router.get(
    "/jobs",
    operation_id="list_jobs",
    summary="List the scheduled jobs",
    responses=answers({"jobs": [JOB]}),
)
def jobs(database: Viewer) -> Jobs:
    """Answer as `python -m pipeline jobs --json` does."""
    return Jobs(jobs=list_jobs(database))


@router.get(
    "/jobs/{job}/runs",
    operation_id="list_runs",
    summary="List the runs of a job, the latest first",
    responses=answers({"items": [RUN], "next": None}, 404),
)
def runs(database: Viewer, job: JobPath, page: Annotated[PageQuery, Query()]) -> Paged[RunListed]:
    """Return runs of the schedule, and those that people asked for."""
    position = position_of(page.cursor, job, _POSITION)
    before = None if position is None else position[0]
    found = list_runs(database, job, most=page.limit + 1, before=before)
    return page_of(found, page.limit, job, lambda run: [run.scheduled_for])


@router.post(
    "/jobs/{job}/runs",
    operation_id="run_job",
    summary="Ask for a run of a job now",
    status_code=HTTPStatus.ACCEPTED,
    response_model=RunAsked,
    responses=answers(REQUESTED, 404, 409, status=202, body=True),
)
def run_now(
    database: Operator, audit: Audited, once: OnceOnly, job: JobPath, how: RunNow
) -> Response:
    """Record a run that is due now. The graph of the jobs does it within about ten seconds."""

    def do() -> RunAsked:
        asked = request_run(database, job, now=how.now, changed=how.parameters)
        audit.target = f"job={asked.job}, scheduled_for={asked.scheduled_for.isoformat()}"
        return RunAsked(
            job=asked.job, scheduled_for=asked.scheduled_for, see=f"/v1/jobs/{asked.job}/runs"
        )

    return once.answer(HTTPStatus.ACCEPTED, do)
