"""``/ready``: events become notifications now. Everyone may ask whether; a caller also sees why."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from pipeline.ops.doctor.check import Finding
from pipeline.ops.ready.look import Readiness
from service.errors import ErrorBody
from service.identity.stranger import may_read
from service.observe.observer import Observer, observer_of

router = APIRouter()

# What the service itself needs.
OWN_PARTS: Final = ("database", "migrations")


class PartSeen(BaseModel):
    """What was seen of one part, and how to fix it if it is not ready."""

    seen: str
    fix: str | None = None


class Details(BaseModel):
    """What was seen. Told only to a caller with the scope read.

    Attributes:
        parts: every part that was looked at.
        graph_silent_seconds: since the last sign of life of each graph.
        oldest_run_seconds: how long the run of a job has been due; None if none is.
        oldest_delivery_seconds: how long a delivery could have been taken, by part, such as
            ``mails``; only parts of which one is due.
        oldest_reaction_seconds: how long an event of reactions could have been taken; None if none
            is due.
    """

    parts: dict[str, PartSeen]
    graph_silent_seconds: dict[str, float]
    oldest_run_seconds: float | None
    oldest_delivery_seconds: dict[str, float]
    oldest_reaction_seconds: float | None


class Ready(BaseModel):
    """Everything works."""

    status: str = "ready"
    details: Details | None = None


class NotReady(ErrorBody):
    """Something does not work. The reasons are told only to a caller with the scope read."""

    status: str = "not ready"
    reasons: dict[str, PartSeen] | None = None
    details: Details | None = None


ANSWERS: Final[dict[int | str, dict[str, Any]]] = {503: {"model": NotReady}}


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    operation_id="get_ready",
    tags=["open"],
    summary="Whether events become notifications now",
    responses=ANSWERS,
)
async def ready(
    request: Request, response: Response, observer: Annotated[Observer, Depends(observer_of)]
) -> Ready | NotReady:
    """Look at the database, its migrations, capture, the graphs, and what has waited for longest.

    For monitoring. A probe gets the answer of the last two seconds, whatever the number of probes,
    and after three seconds at the latest.
    """
    return _answer(request, response, await observer.readiness())


@router.head("/ready/database", include_in_schema=False)
@router.get(
    "/ready/database",
    operation_id="get_ready_database",
    tags=["open"],
    summary="Whether this service can do its own work",
    responses=ANSWERS,
)
async def ready_database(
    request: Request, response: Response, observer: Annotated[Observer, Depends(observer_of)]
) -> Ready | NotReady:
    """Look only at the database and its migrations.

    For a load balancer and a rollout: without the graphs, the service still says why.
    """
    seen = await observer.readiness()
    own = {name: found for name, found in seen.parts.items() if name in OWN_PARTS}
    return _answer(request, response, Readiness(parts=own))


def _answer(request: Request, response: Response, seen: Readiness) -> Ready | NotReady:
    tells = may_read(request)
    details = _details(seen) if tells else None
    response.headers["Cache-Control"] = "no-store"
    if seen.is_ready:
        return Ready(details=details)
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return NotReady(
        error=HTTPStatus.SERVICE_UNAVAILABLE.phrase,
        message="not ready" + (f": {', '.join(seen.reasons)}" if tells else ""),
        reasons=_parts(seen.reasons) if tells else None,
        details=details,
    )


def _details(seen: Readiness) -> Details:
    return Details(
        parts=_parts(seen.parts),
        graph_silent_seconds=dict(seen.graphs),
        oldest_run_seconds=seen.oldest_run_seconds,
        oldest_delivery_seconds=dict(seen.oldest_delivery_seconds),
        oldest_reaction_seconds=seen.oldest_reaction_seconds,
    )


def _parts(found: Mapping[str, Finding]) -> dict[str, PartSeen]:
    return {name: PartSeen(seen=each.seen, fix=each.fix) for name, each in found.items()}
