"""``/v1/status``, ``/v1/doctor`` and ``/v1/catalogue``: figures, checks, event types."""

from typing import Final

from fastapi import APIRouter

from pipeline.ops.catalogue.document import catalogue_document
from pipeline.ops.doctor.document import document
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.status.figures import StatusFigures
from pipeline.ops.status.read import read_status
from service.answers.described import answers
from service.answers.state import CATALOGUE, DOCTOR, STATUS, Catalogue, DoctorReport
from service.databases import Settings, Viewer
from service.turns import Turn

router = APIRouter(prefix="/v1", tags=["state"])

# Of one answer, all its statements together.
SECONDS: Final = 10.0


@router.get(
    "/status",
    operation_id="get_status",
    summary="Show backlog, rates, latency and lag",
    responses=answers(STATUS),
)
def status(database: Viewer, settings: Settings, _turn: Turn) -> StatusFigures:
    """Answer as `python -m pipeline status --json` does.

    Null means no value, or not visible: `not_visible` and `locked` name the parts that could not be
    read.
    """
    return read_status(database, settings.names, seconds=SECONDS)


@router.get(
    "/doctor",
    operation_id="get_doctor",
    summary="Check database, capture and roles",
    responses=answers(DOCTOR),
)
def doctor(database: Viewer, settings: Settings, _turn: Turn) -> DoctorReport:
    """Answer as `python -m pipeline doctor --json` does with the login of the service.

    Checks for which no time is left are not run, and say so.
    """
    with Installation(database=database, names=settings.names, seconds=SECONDS) as installation:
        report = list(examine(installation))
    return DoctorReport.model_validate(document(report))


@router.get(
    "/catalogue",
    operation_id="get_catalogue",
    summary="List the event types with the schemas of their payloads",
    responses=answers(CATALOGUE),
)
def catalogue() -> Catalogue:
    """Return every event type that has a handler: who is told, and what its payload may hold."""
    return Catalogue.model_validate(catalogue_document())
