"""community.response_received: an expert answered a request."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus, Move, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, KnownRequest, Question, RequestOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import RequestId
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, GaveUp, done, done_with
from pipeline.reactions.research import counted, is_waiting
from pipeline.reactions.saga import Saga

_OPEN = frozenset({"open", "responses_received"})


class ResponseReceived(CamelPayload):
    """Payload of ``community.response_received``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "responseId": "f0000000-0000-4000-8000-000000000001",
                    "requestId": "d0000000-0000-4000-8000-000000000001",
                    "expertUserId": "a0000000-0000-4000-8000-000000000003",
                    "responseSummary": "First Bank does",
                    "verbatimAnswer": "Ask First Bank",
                }
            ]
        }
    )

    response_id: UUID
    request_id: RequestId
    expert_user_id: UserId
    response_summary: str | None = None
    verbatim_answer: str | None = None


class ResponseReceivedHandler(ReactionHandler[ResponseReceived]):
    """Count the answer once, and bring it to who waits for it: a workflow, a person, or both."""

    event_type = EventType("community.response_received")
    payload = ResponseReceived

    def questions(self, event: ReactionEvent[ResponseReceived]) -> Iterator[Question]:
        """Who asked, and what for."""
        yield RequestOf(event.payload.request_id)

    def react(self, event: ReactionEvent[ResponseReceived], answers: Answers) -> Done | GaveUp:
        """A task for the workflow that waits, and for the person who asked; the answer counts."""
        said = event.payload
        request = answers.requests.get(RequestOf(said.request_id))
        if request is None:
            return GaveUp(reason="the community request does not exist")
        if said.response_id in request.standing.responses:
            return done()
        return done_with(_reactions(event, request))


def _reactions(event: ReactionEvent[ResponseReceived], request: KnownRequest) -> Iterator[Reaction]:
    said, workflow = event.payload, request.workflow
    yield from _tasks(event, request)
    yield _counted(event, request)
    yield InboxItem(
        name="item",
        user_id=said.expert_user_id,
        item_type=ItemType.COMMUNITY_REQUEST,
        item_id=said.request_id,
        status=ItemStatus.ACTIONED,
    )
    if workflow is None or request.context_id is None or said.response_id in workflow.responses:
        return
    if is_waiting(workflow):
        yield from counted(request.context_id, workflow, said.response_id, event.created_at)


def _counted(event: ReactionEvent[ResponseReceived], request: KnownRequest) -> Move:
    """Return the move of the request: it is closed when all who were asked have answered."""
    said, status = event.payload, request.standing.status
    is_answered = bool(request.asked) and request.asked <= {
        *request.answered_by,
        said.expert_user_id,
    }
    return Move(
        name="request",
        saga=Saga.REQUEST,
        id=said.request_id,
        seen=request.standing,
        status="closed" if is_answered and status in _OPEN else status,
        response=said.response_id,
        answered_by=said.expert_user_id,
        at=event.created_at,
    )


def _tasks(event: ReactionEvent[ResponseReceived], request: KnownRequest) -> Iterator[Task]:
    said = event.payload
    context: dict[str, Any] = {
        "responseId": said.response_id,
        "requestId": said.request_id,
        "expertUserId": said.expert_user_id,
        "responseSummary": said.response_summary,
        "verbatimAnswer": said.verbatim_answer,
    }
    if request.context_type == "solution_workflow":
        yield Task(
            name="workflow",
            task_type="process_community_response",
            agent_type="solution_saga",
            user_id=request.requesting_user_id,
            context_type="solution_workflow",
            context_id=request.context_id,
            scheduled_for=event.created_at,
            context=context,
        )
    if request.requesting_user_id is not None:
        yield Task(
            name="requester",
            task_type="community_response_available",
            agent_type="account_manager",
            user_id=request.requesting_user_id,
            context_type="community_request",
            context_id=said.request_id,
            scheduled_for=event.created_at,
            priority=Priority.HIGH,
            context=context,
        )
