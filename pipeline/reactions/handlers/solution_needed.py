"""user.inquiry.solution_needed: a person needs a solution to be found."""

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import FollowUp, SagaStart, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId, id_from
from pipeline.reactions.outcome import Done, done
from pipeline.reactions.research import LASTS, WAITING
from pipeline.reactions.saga import Saga


class SolutionNeeded(CamelPayload):
    """Payload of ``user.inquiry.solution_needed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "conversationId": "c0000000-0000-4000-8000-000000000001",
                    "requestDescription": "A lender",
                    "category": "lending",
                    "urgency": "high",
                }
            ]
        }
    )

    user_id: UserId
    conversation_id: ConversationId
    request_description: str
    category: OptionalLine = None
    urgency: OptionalLine = None


class SolutionNeededHandler(ReactionHandler[SolutionNeeded]):
    """Have a solution researched."""

    event_type = EventType("user.inquiry.solution_needed")
    payload = SolutionNeeded

    def react(self, event: ReactionEvent[SolutionNeeded], answers: Answers) -> Done:
        """A workflow, a task as urgent as the person says, and two events: begun, and time over."""
        said = event.payload
        workflow_id = id_from(event.id, "workflow")
        return done(
            SagaStart(
                name="workflow",
                saga=Saga.WORKFLOW,
                id=workflow_id,
                status=WAITING,
                user_id=said.user_id,
            ),
            Task(
                name="research",
                task_type="research_solution",
                agent_type="solution_saga",
                user_id=said.user_id,
                context_type="conversation",
                context_id=said.conversation_id,
                scheduled_for=event.created_at,
                priority=Priority.HIGH if said.urgency == "high" else Priority.NORMAL,
                context={
                    "eventId": event.id,
                    "workflowId": workflow_id,
                    "conversationId": said.conversation_id,
                    "requestDescription": said.request_description,
                    "category": said.category,
                    "urgency": said.urgency,
                },
            ),
            FollowUp(
                name="initiated",
                type=EventType("solution.research_initiated"),
                aggregate_type="user",
                aggregate_id=said.user_id,
                payload={
                    "userId": said.user_id,
                    "workflowId": workflow_id,
                    "conversationId": said.conversation_id,
                    "requestDescription": said.request_description,
                },
            ),
            FollowUp(
                name="time_over",
                type=EventType("solution.time_over"),
                aggregate_type="solution_workflow",
                aggregate_id=workflow_id,
                payload={"workflowId": workflow_id, "dueAt": event.created_at + LASTS},
                at=event.created_at + LASTS,
            ),
        )
