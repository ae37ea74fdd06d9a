"""community.response_received: an expert answered a request."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, KnownRequest, Question, RequestOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import RequestId
from pipeline.reactions.outcome import Done, GaveUp, done_with


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
    """Bring the answer to who waits for it: a workflow, a person, or both."""

    event_type = EventType("community.response_received")
    payload = ResponseReceived

    def questions(self, event: ReactionEvent[ResponseReceived]) -> Iterator[Question]:
        """Who asked, and what for."""
        yield RequestOf(event.payload.request_id)

    def react(self, event: ReactionEvent[ResponseReceived], answers: Answers) -> Done | GaveUp:
        """A task for the workflow that waits, for the person who asked, for both or for neither."""
        request = answers.requests.get(RequestOf(event.payload.request_id))
        if request is None:
            return GaveUp(reason="the community request does not exist")
        return done_with(_tasks(event, request))


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
