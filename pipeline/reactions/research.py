"""The research for a solution: two responses of experts or 24 hours, whichever is first."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pipeline.domain.delivery import Priority
from pipeline.reactions.effects import Move, Reaction, Task
from pipeline.reactions.saga import OVER, Saga, Standing

ENOUGH: Final = 2
LASTS: Final = timedelta(hours=24)
WAITING: Final = "awaiting_expert_responses"
EVALUATION: Final = "final_evaluation"


def is_waiting(standing: Standing | None) -> bool:
    """Return whether responses are still waited for."""
    return standing is not None and standing.status not in OVER | {EVALUATION}


def counted(
    workflow_id: UUID, standing: Standing, response: UUID, at: datetime
) -> Iterator[Reaction]:
    """Count a response; the one that makes enough begins the final evaluation."""
    number = len(standing.responses) + 1
    status = EVALUATION if number >= ENOUGH else standing.status
    yield Move(
        name="workflow_moved",
        saga=Saga.WORKFLOW,
        id=workflow_id,
        seen=standing,
        status=status,
        response=response,
        at=at,
    )
    if status == EVALUATION:
        yield _evaluation(workflow_id, "enough responses", number, at)


def ended(workflow_id: UUID, standing: Standing, at: datetime) -> Iterator[Reaction]:
    """Begin the final evaluation because the time is over."""
    yield Move(
        name="workflow_moved",
        saga=Saga.WORKFLOW,
        id=workflow_id,
        seen=standing,
        status=EVALUATION,
        at=at,
    )
    yield _evaluation(workflow_id, "time is over", len(standing.responses), at)


def _evaluation(workflow_id: UUID, why: str, responses: int, at: datetime) -> Task:
    return Task(
        name="evaluation",
        task_type="final_evaluation",
        agent_type="solution_saga",
        context_type="solution_workflow",
        context_id=workflow_id,
        scheduled_for=at,
        priority=Priority.HIGH,
        context={"workflowId": workflow_id, "reason": why, "responses": responses},
    )
