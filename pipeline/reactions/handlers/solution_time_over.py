"""solution.time_over: nobody waits for responses of experts any longer."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done, done_with
from pipeline.reactions.research import ended, is_waiting
from pipeline.reactions.saga import Saga


class SolutionTimeOver(CamelPayload):
    """Payload of ``solution.time_over``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workflowId": "f0000000-0000-4000-8000-000000000001",
                    "dueAt": "2026-03-03T12:00:00Z",
                }
            ]
        }
    )

    workflow_id: UUID
    due_at: datetime | None = None


class SolutionTimeOverHandler(ReactionHandler[SolutionTimeOver]):
    """Begin the final evaluation, unless it has begun already."""

    event_type = EventType("solution.time_over")
    payload = SolutionTimeOver

    def questions(self, event: ReactionEvent[SolutionTimeOver]) -> Iterator[Question]:
        """How the workflow stands."""
        yield StandingOf(Saga.WORKFLOW, event.payload.workflow_id)

    def react(self, event: ReactionEvent[SolutionTimeOver], answers: Answers) -> Done:
        """The new status, and the task of the evaluation."""
        workflow_id, due_at = event.payload.workflow_id, event.payload.due_at
        standing = answers.standings.get(StandingOf(Saga.WORKFLOW, workflow_id))
        if standing is None or not is_waiting(standing):
            return done()
        return done_with(ended(workflow_id, standing, due_at or event.created_at))
