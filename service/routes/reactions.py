"""``/process-event`` and others that the event processor before us had, with the same bodies.

They wake the graph of reactions. Nothing is processed in a request.
"""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from pipeline.domain.errors import ConfigurationError, Conflict, NotFound
from pipeline.domain.graph import Graph
from pipeline.domain.units import counted
from pipeline.ops.reactions.present import check_reactions
from pipeline.ops.reactions.requests import close_requests, read_requests
from pipeline.ops.reactions.wake import check_unfinished, waiting_events, wake
from pipeline.ops.replay.topics import wrong_topic
from pipeline.settings import DatabaseSettings
from service.answers.described import answers, plain_errors
from service.answers.original import (
    ALREADY,
    BATCH_STARTED,
    CLOSED,
    EVENT_STARTED,
    NO_ID,
    NOT_FOUND,
    REQUESTS,
    BatchStarted,
    EventStarted,
    ProcessEvent,
    RequestsClosed,
    RequestsHealth,
)
from service.databases import Operator, Settings, Viewer
from service.errors import PlainError
from service.identity.needs import Audited
from service.once import OnceOnly
from service.settings import ServiceSettings

# Without a version in their paths: they are as old as their callers.
router = APIRouter(tags=["reactions"])

# Whoever sends no body is told what is missing, too.
_NOTHING: Final = ProcessEvent()


@router.post(
    "/process-event",
    operation_id="process_event",
    summary="Wake the graph of reactions for an event",
    status_code=HTTPStatus.ACCEPTED,
    response_model=EventStarted,
    responses=answers(EVENT_STARTED, status=202, body=True)
    | plain_errors({400: NO_ID, 404: NOT_FOUND}),
)
def process_event(
    database: Operator,
    settings: Settings,
    audit: Audited,
    once: OnceOnly,
    asked: ProcessEvent = _NOTHING,
) -> Response:
    """Publish a wake-up. An event that waits for a retry is tried when that is due.

    400 is also the answer for an event that has ended: done or dead, or processed by another
    program.
    """

    def do() -> EventStarted:
        if not asked.event_id:
            raise PlainError(HTTPStatus.BAD_REQUEST, NO_ID)
        check_reactions(database)
        found = _unfinished(database, asked.event_id)
        audit.target = f"event_id={found}"
        wake(_topic(database, settings), [found], uuid4())
        return EventStarted(event_id=asked.event_id)

    return once.answer(HTTPStatus.ACCEPTED, do)


@router.post(
    "/process-batch",
    operation_id="process_batch",
    summary="Wake the graph of reactions for the events that wait",
    status_code=HTTPStatus.ACCEPTED,
    response_model=BatchStarted,
    responses=answers(BATCH_STARTED, 413, status=202),
)
def process_batch(
    database: Operator, settings: Settings, audit: Audited, once: OnceOnly
) -> Response:
    """Publish a wake-up for each event that could be processed now, 500 at most.

    A body is not looked at.
    """

    def do() -> BatchStarted:
        check_reactions(database)
        topic = _topic(database, settings)
        waiting = waiting_events(database)
        wake(topic, waiting, uuid4())
        audit.result = f"woke the graph for {counted(len(waiting), 'event')}"
        return BatchStarted()

    return once.answer(HTTPStatus.ACCEPTED, do)


@router.post(
    "/close-expired-requests",
    operation_id="close_expired_requests",
    summary="Ask for a run of the job that closes community requests",
    response_model=RequestsClosed,
    responses=answers(CLOSED, 409, 413),
)
def close_expired_requests(database: Operator, audit: Audited, once: OnceOnly) -> Response:
    """Return what the run will close, which begins within about ten seconds.

    If nothing is to be closed, no run is asked for. A body is not looked at.
    """

    def do() -> Any:  # noqa: ANN401 - JSON
        found = close_requests(database)
        audit.result = f"asked for a run that closes {counted(found.total, 'request')}"
        closed = RequestsClosed(closed_count=found.total, request_ids=list(found.ids))
        return closed.model_dump(mode="json", by_alias=True)

    return once.answer(HTTPStatus.OK, do)


@router.get(
    "/community-requests-health",
    operation_id="get_community_requests_health",
    summary="Count the community requests that are open, and those that are over",
    responses=answers(REQUESTS),
)
def community_requests_health(database: Viewer) -> RequestsHealth:
    """Return how community requests stand."""
    found = read_requests(database)
    return RequestsHealth(
        open_requests=found.open,
        expired_requests=found.expired,
        fully_responded_requests=found.answered,
    )


def _unfinished(database: Operator, event_id: str) -> UUID:
    """Return the id of an event that has not ended."""
    try:
        found = UUID(event_id)
    except ValueError:
        raise PlainError(HTTPStatus.NOT_FOUND, NOT_FOUND) from None
    try:
        check_unfinished(database, found)
    except NotFound:
        raise PlainError(HTTPStatus.NOT_FOUND, NOT_FOUND) from None
    except Conflict:
        raise PlainError(HTTPStatus.BAD_REQUEST, ALREADY) from None
    return found


def _topic(database: DatabaseSettings, settings: ServiceSettings) -> str:
    if settings.reaction_topic is None:
        raise ConfigurationError(
            "this service cannot wake the graph of reactions: start it with --reaction-topic"
            " projects/P/topics/T"
        )
    wrong = wrong_topic(database, Graph.REACTIONS, settings.reaction_topic)
    if wrong is not None:
        raise ConfigurationError(f"invalid --reaction-topic {settings.reaction_topic!r}: {wrong}")
    return settings.reaction_topic
