"""solution.research_complete: the research for a person has ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Move, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import ActiveConversation, Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, GaveUp, done_with
from pipeline.reactions.saga import OVER, Saga


class ResearchComplete(CamelPayload):
    """Payload of ``solution.research_complete``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workflowId": "f0000000-0000-4000-8000-000000000001",
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "requestDescription": "A lender",
                    "findings": [{"name": "First Bank"}],
                    "completedAt": "2026-03-02T11:00:00Z",
                }
            ]
        }
    )

    workflow_id: UUID
    user_id: UserId
    request_description: str | None = None
    findings: Any = None
    completed_at: datetime | None = None


class ResearchCompleteHandler(ReactionHandler[ResearchComplete]):
    """Tell the person in their active conversation, and complete the workflow."""

    event_type = EventType("solution.research_complete")
    payload = ResearchComplete

    def questions(self, event: ReactionEvent[ResearchComplete]) -> Iterator[Question]:
        """The active conversation of the person, and how the workflow stands."""
        yield ActiveConversation(event.payload.user_id)
        yield StandingOf(Saga.WORKFLOW, event.payload.workflow_id)

    def react(self, event: ReactionEvent[ResearchComplete], answers: Answers) -> Done | GaveUp:
        """One task for the concierge, and the new status."""
        said = event.payload
        conversation = answers.conversations.get(ActiveConversation(said.user_id))
        if conversation is None:
            return GaveUp(reason="the person has no active conversation")
        return done_with(_reactions(event, answers, conversation))


def _reactions(
    event: ReactionEvent[ResearchComplete], answers: Answers, conversation: ConversationId
) -> Iterator[Reaction]:
    said = event.payload
    yield Task(
        name="findings",
        task_type="solution_workflow_timeout",
        agent_type="concierge",
        user_id=said.user_id,
        context_type="solution_workflow",
        context_id=said.workflow_id,
        scheduled_for=event.created_at,
        priority=Priority.HIGH,
        context={
            "workflowId": said.workflow_id,
            "conversationId": conversation,
            "requestDescription": said.request_description,
            "findings": said.findings,
        },
    )
    standing = answers.standings.get(StandingOf(Saga.WORKFLOW, said.workflow_id))
    if standing is not None and standing.status not in OVER:
        yield Move(
            name="workflow",
            saga=Saga.WORKFLOW,
            id=said.workflow_id,
            seen=standing,
            status="completed",
            at=said.completed_at or event.created_at,
        )
