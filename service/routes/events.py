"""``/v1/events``: events, and why each told whom."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field, TypeAdapter

from pipeline.domain.message import MAX_EVENT_ID
from pipeline.ops.events.read import EventDetails, EventListed, list_events, read_event
from pipeline.ops.why import document, read_account
from service.answers.described import answers
from service.answers.events import DETAILS, EVENT, EventQuery
from service.answers.paging import Paged, cursor_after, position_of
from service.answers.values import RowId
from service.answers.why import WHY, Why, WhyQuery
from service.databases import Viewer
from service.identity.payloads import WithPayload
from service.turns import Turn

router = APIRouter(prefix="/v1", tags=["events"])

# In the list: the highest id of the next page.
_POSITION: Final = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=MAX_EVENT_ID)]])
# Rows of what people got, and as many of what they did not get.
_ROWS: Final = 2_000

EventPath = Annotated[RowId, Path(description="the id in domain_events")]


@router.get(
    "/events",
    operation_id="list_events",
    summary="List events, the newest first",
    responses=answers({"items": [EVENT], "next": "WyI0YjE1YTUiLDQxXQ"}),
)
def list_of_events(database: Viewer, wanted: Annotated[EventQuery, Query()]) -> Paged[EventListed]:
    """Return the events that meet all conditions, by id.

    A page may have fewer events than `limit`, or none, and still not be the last one: it looks for
    events for about a second. Follow `next` until it is null. Events that are written meanwhile
    change no later page.
    """
    conditions = wanted.conditions()
    position = position_of(wanted.cursor, conditions, _POSITION)
    through = MAX_EVENT_ID if position is None else position[0]
    page = list_events(database, conditions, most=wanted.limit, through=through)
    following = None if page.through is None else cursor_after([page.through], conditions)
    return Paged(items=page.events, next=following)


@router.get(
    "/events/{event_id}",
    operation_id="get_event",
    summary="Show one event",
    responses=answers(DETAILS, 404),
)
def event(event_id: EventPath, access: WithPayload) -> EventDetails:
    """Return the columns of an event, and its row in the ledger.

    The payload may hold personal data, so it is left out unless who may operate asks for it.
    """
    return read_event(access.database, event_id, payload=access.payload)


@router.get(
    "/events/{event_id}/why",
    operation_id="get_why",
    summary="Say who got what from an event, who did not, and why",
    responses=answers(WHY, 404),
)
def why(
    database: Viewer, _turn: Turn, event_id: EventPath, about: Annotated[WhyQuery, Query()]
) -> Why:
    """Answer as `python -m pipeline why --json` does.

    An answer has about a thousand people at most. `people_after` then says where to go on.
    """
    account = read_account(database, event_id, about.user, after=about.after, most=_ROWS)
    return Why.model_validate(document(account))
