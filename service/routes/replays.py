"""``/v1/replays``: plans of replays, their application, and what became of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, TypeAdapter

from pipeline.domain.errors import UsageError
from pipeline.fanout.decide import Policy
from pipeline.ops.reactions.plans import plan_reaction_replay
from pipeline.ops.reactions.selection import is_of_reactions
from pipeline.ops.replay.applying import claim_plan
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.plans import (
    ReplayListed,
    list_replays,
    plan_replay,
    read_replay,
)
from pipeline.settings import DatabaseSettings
from service.answers.described import answers
from service.answers.paging import Paged, PageQuery, page_of, position_of
from service.answers.replays import (
    PLANNED,
    REPLAY,
    RUNNING,
    Apply,
    ReplayAnswer,
    Selection,
)
from service.answers.values import Id
from service.databases import Operator, Settings, Viewer, for_replays
from service.identity.caller import Caller, Scope
from service.identity.needs import Audited, needs
from service.once import OnceOnly
from service.running import RunningReplays
from service.turns import Turn

router = APIRouter(prefix="/v1", tags=["replays"])

# A plan that is larger or takes longer is made with the command.
MOST_EVENTS: Final = 10_000
MOST_SECONDS: Final = 20.0
_LIST: Final = "replays"
# In the list: the time of the plan, and its id.
_POSITION: Final = TypeAdapter(tuple[AwareDatetime, UUID])
_FLAG: Final = re.compile("--([a-z-]+)")

ReplayPath = Annotated[Id, Path(description="the id of the plan")]
Caller_ = Annotated[Caller, needs(Scope.OPERATE)]


@router.post(
    "/replays",
    operation_id="plan_replay",
    summary="Plan a replay; nothing is published",
    status_code=HTTPStatus.CREATED,
    response_model=ReplayAnswer,
    responses=answers(PLANNED, 404, 409, status=201, body=True),
)
def plan(
    database: Operator,
    settings: Settings,
    caller: Caller_,
    audit: Audited,
    once: OnceOnly,
    _turn: Turn,
    selection: Selection,
) -> Response:
    """Make a plan of at most 10,000 events: how many would end how, and what would be told.

    The plan keeps the events that it was made for. Apply it to publish them. For events of
    reactions, which UUIDs and dotted types name, it says how many would be tried again.
    """

    def do() -> ReplayAnswer:
        with _fields_for_flags():
            made = _plan(database, settings.policy, selection, caller.name)
        audit.target = f"replay_id={made}"
        return ReplayAnswer.of(read_replay(database, made))

    return once.answer(HTTPStatus.CREATED, do)


@router.post(
    "/replays/{replay_id}/apply",
    operation_id="apply_replay",
    summary="Apply a plan: publish its events",
    status_code=HTTPStatus.ACCEPTED,
    response_model=ReplayAnswer,
    responses=answers(RUNNING, 404, 409, status=202, body=True),
)
def apply(
    request: Request,
    database: Operator,
    settings: Settings,
    caller: Caller_,
    once: OnceOnly,
    replay_id: ReplayPath,
    how: Apply,
) -> Response:
    """Begin to publish the events of a plan, in the background of this instance.

    Events of reactions become pending again, with all their tries; what they led to is not doubled.

    Of several requests, one applies it. If the instance is stopped, the plan says how far it came,
    and goes on there when it is applied again. To publish an event twice is harmless.
    """
    running: RunningReplays = request.app.state.replays

    def do() -> ReplayAnswer:
        running.check_room()
        claimed = claim_plan(
            database,
            replay_id,
            topic=settings.topic,
            reaction_topic=settings.reaction_topic,
            rate=how.rate,
            note=how.note,
            applied_by=caller.name,
        )
        running.start(for_replays(settings.operator), claimed)
        return ReplayAnswer.of(read_replay(database, replay_id))

    return once.answer(HTTPStatus.ACCEPTED, do)


@router.get(
    "/replays",
    operation_id="list_replays",
    summary="List plans and replays, the latest first",
    responses=answers({"items": [REPLAY], "next": None}),
)
def replays(database: Viewer, page: Annotated[PageQuery, Query()]) -> Paged[ReplayListed]:
    """Return the plans of the service, and the replays of the command."""
    before = position_of(page.cursor, _LIST, _POSITION)
    found = list_replays(database, most=page.limit + 1, before=before)
    return page_of(found, page.limit, _LIST, lambda each: [each.planned_at, each.id])


@router.get(
    "/replays/{replay_id}",
    operation_id="get_replay",
    summary="Show a plan, its progress and its result",
    responses=answers(RUNNING, 404),
)
def replay(database: Viewer, replay_id: ReplayPath) -> ReplayAnswer:
    """Return how far a replay is, and in which states its events are now."""
    return ReplayAnswer.of(read_replay(database, replay_id))


def _plan(
    database: DatabaseSettings, policy: Policy, selection: Selection, planned_by: str
) -> UUID:
    selector, limits = selection.selector(), PlanLimits.of(MOST_EVENTS, MOST_SECONDS)
    if not is_of_reactions(database, selector, selection.family):
        return plan_replay(
            database,
            policy,
            selector,
            ignore_age=selection.ignore_age,
            planned_by=planned_by,
            limits=limits,
        )
    if selection.ignore_age:
        raise UsageError("invalid --ignore-age: expected only for the fan-out; leave it out")
    return plan_reaction_replay(database, selector, planned_by=planned_by, limits=limits)


@contextmanager
def _fields_for_flags() -> Iterator[None]:
    """Errors name the flags of the command. Name the fields, which have the same names."""
    try:
        yield
    except UsageError as error:
        words = _FLAG.sub(lambda flag: flag[1].replace("-", "_"), str(error))
        raise UsageError(words) from None
