"""What came of records that are no events of the fan-out: reactions, pushes, single deliveries."""

from typing import Annotated

from fastapi import APIRouter, Path

from pipeline.ops.reactions.document import reaction_document
from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.why import cause_document, read_activity, read_broadcast, read_delivery
from service.answers.causes import WHY_CAUSE, WhyCause
from service.answers.described import answers
from service.answers.reactions import WHY_REACTION, WhyReaction
from service.answers.values import Id
from service.databases import Viewer
from service.turns import Turn

router = APIRouter(prefix="/v1")

ReactionPath = Annotated[Id, Path(description="the id in reactions.events")]
ActivityPath = Annotated[Id, Path(description="the id in activity.notifications")]
BroadcastPath = Annotated[Id, Path(description="the id of the broadcast")]
DeliveryPath = Annotated[Id, Path(description="the id of the delivery, on any channel")]


@router.get(
    "/reactions/{event_id}/why",
    operation_id="get_why_of_reaction",
    summary="Say what came of an event of reactions, and why",
    responses=answers(WHY_REACTION, 404),
    tags=["events"],
)
def why_reaction(database: Viewer, _turn: Turn, event_id: ReactionPath) -> WhyReaction:
    """Answer as `python -m pipeline why --event UUID --json` does."""
    return WhyReaction.model_validate(reaction_document(read_reaction(database, event_id)))


@router.get(
    "/activity/{row_id}/why",
    operation_id="get_why_of_activity",
    summary="Say what became of a row of activity.notifications",
    responses=answers(WHY_CAUSE, 404),
    tags=["deliveries"],
)
def why_activity(database: Viewer, _turn: Turn, row_id: ActivityPath) -> WhyCause:
    """Answer as `python -m pipeline why --activity UUID --json` does."""
    return WhyCause.model_validate(cause_document(read_activity(database, row_id)))


@router.get(
    "/broadcasts/{broadcast_id}/why",
    operation_id="get_why_of_broadcast",
    summary="Say what became of a broadcast",
    responses=answers(WHY_CAUSE, 404),
    tags=["deliveries"],
)
def why_broadcast(database: Viewer, _turn: Turn, broadcast_id: BroadcastPath) -> WhyCause:
    """Answer as `python -m pipeline why --broadcast UUID --json` does."""
    return WhyCause.model_validate(cause_document(read_broadcast(database, broadcast_id)))


@router.get(
    "/deliveries/{delivery_id}/why",
    operation_id="get_why_of_delivery",
    summary="Say what became of one delivery",
    responses=answers(WHY_CAUSE, 404),
    tags=["deliveries"],
)
def why_delivery(database: Viewer, _turn: Turn, delivery_id: DeliveryPath) -> WhyCause:
    """Answer as `python -m pipeline why --delivery UUID --json` does."""
    return WhyCause.model_validate(cause_document(read_delivery(database, delivery_id)))
