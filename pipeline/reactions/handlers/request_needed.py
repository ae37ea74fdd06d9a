"""community.request_needed: somebody needs an answer from people who know."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Line, OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import CommunityRequest, FollowUp, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, ExpertsIn, Question, SimilarRequest
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import RequestId, id_from
from pipeline.reactions.outcome import Done, done, done_with

# A similar open request of this age or younger is used in place of a new one.
SIMILAR_WITHIN: Final = timedelta(days=7)
OPEN_FOR: Final = timedelta(days=7)
MOST_EXPERTS: Final = 5


class RequestNeeded(CamelPayload):
    """Payload of ``community.request_needed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requestingAgentType": "concierge",
                    "requestingUserId": "a0000000-0000-4000-8000-000000000001",
                    "contextId": "f0000000-0000-4000-8000-000000000001",
                    "contextType": "solution_workflow",
                    "question": "Who finances hotels?",
                    "category": "lending",
                    "expertiseNeeded": ["hotels", "loans"],
                    "requesterContext": "A hotel in Lagos",
                    "desiredOutcome": "backchannel",
                    "urgency": "medium",
                    "requestSummary": "A lender for a hotel",
                }
            ]
        }
    )

    question: str
    expertise_needed: tuple[Line, ...] = ()
    requesting_agent_type: OptionalLine = None
    requesting_user_id: UserId | None = None
    context_id: UUID | None = None
    context_type: OptionalLine = None
    category: OptionalLine = None
    requester_context: str | None = None
    desired_outcome: Line = "backchannel"
    urgency: Line = "medium"
    request_summary: str | None = None


class RequestNeededHandler(ReactionHandler[RequestNeeded]):
    """Use a similar open request, or ask up to five experts."""

    event_type = EventType("community.request_needed")
    payload = RequestNeeded
    # The second of two similar ones must see the request that the first one writes.
    one_at_a_time = "category"

    def questions(self, event: ReactionEvent[RequestNeeded]) -> Iterator[Question]:
        """Whether there is a similar request, and who knows."""
        yield _similar(event)
        yield _experts(event)

    def react(self, event: ReactionEvent[RequestNeeded], answers: Answers) -> Done:
        """A request for seven days, tasks for experts, and events; one event for a similar one."""
        similar = answers.similar.get(_similar(event))
        if similar is not None:
            return done(_attached(event, similar))
        return done_with(_asked(event, answers.experts.get(_experts(event), ())))


def _similar(event: ReactionEvent[RequestNeeded]) -> SimilarRequest:
    said = event.payload
    return SimilarRequest(said.category, said.expertise_needed, event.created_at - SIMILAR_WITHIN)


def _experts(event: ReactionEvent[RequestNeeded]) -> ExpertsIn:
    said = event.payload
    return ExpertsIn(said.expertise_needed, said.requesting_user_id, MOST_EXPERTS)


def _attached(event: ReactionEvent[RequestNeeded], similar: RequestId) -> FollowUp:
    said = event.payload
    return FollowUp(
        name="attached",
        type=EventType("community.request_attached"),
        aggregate_type="community_request",
        aggregate_id=similar,
        payload={
            "requestId": similar,
            "requestingUserId": said.requesting_user_id,
            "contextId": said.context_id,
            "contextType": said.context_type,
        },
    )


def _asked(event: ReactionEvent[RequestNeeded], experts: tuple[UserId, ...]) -> Iterator[Reaction]:
    said = event.payload
    request_id = id_from(event.id, "request")
    yield CommunityRequest(
        name="request",
        requesting_user_id=said.requesting_user_id,
        requesting_agent_type=said.requesting_agent_type,
        context_type=said.context_type,
        context_id=said.context_id,
        question=said.question,
        category=said.category,
        expertise=said.expertise_needed,
        desired_outcome=said.desired_outcome,
        urgency=said.urgency,
        experts=experts,
        expires_at=event.created_at + OPEN_FOR,
        details={
            "requesterContext": said.requester_context,
            "requestSummary": said.request_summary,
        },
    )
    for expert in experts:
        yield Task(
            name=f"expert:{expert}",
            task_type="community_request_available",
            agent_type="account_manager",
            user_id=expert,
            context_type="community_request",
            context_id=request_id,
            scheduled_for=event.created_at,
            context={
                "requestId": request_id,
                "question": said.question,
                "category": said.category,
                "requestSummary": said.request_summary,
            },
        )
    found = {
        "requestId": request_id,
        "category": said.category,
        "expertiseNeeded": said.expertise_needed,
    }
    if not experts:
        yield FollowUp(
            name="nobody",
            type=EventType("community.no_experts_found"),
            aggregate_type="community_request",
            aggregate_id=request_id,
            payload=found,
        )
    yield FollowUp(
        name="routed",
        type=EventType("community.request_routed"),
        aggregate_type="community_request",
        aggregate_id=request_id,
        payload={**found, "expertUserIds": experts},
    )
