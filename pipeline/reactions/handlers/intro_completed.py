"""intro.completed: two people were introduced."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Count
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Credit, Move, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done_with
from pipeline.reactions.saga import OVER, Saga


class IntroCompleted(CamelPayload):
    """Payload of ``intro.completed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introId": "f0000000-0000-4000-8000-000000000001",
                    "connectorUserId": "a0000000-0000-4000-8000-000000000001",
                    "innovatorId": "a0000000-0000-4000-8000-000000000002",
                    "prospectId": "f0000000-0000-4000-8000-000000000001",
                    "completedAt": "2026-03-02T11:00:00Z",
                    "creditsAwarded": 25,
                }
            ]
        }
    )

    intro_id: UUID
    connector_user_id: UserId
    innovator_id: UserId | None = None
    prospect_id: UUID | None = None
    completed_at: datetime | None = None
    credits_awarded: Count = 0


class IntroCompletedHandler(ReactionHandler[IntroCompleted]):
    """Complete the introduction, award the credits once, and tell both parties."""

    event_type = EventType("intro.completed")
    payload = IntroCompleted

    def questions(self, event: ReactionEvent[IntroCompleted]) -> Iterator[Question]:
        """How the introduction stands."""
        yield StandingOf(Saga.INTRO, event.payload.intro_id)

    def react(self, event: ReactionEvent[IntroCompleted], answers: Answers) -> Done:
        """The new status, the credits if there are any, and a task for each party."""
        return done_with(_reactions(event, answers))


def _reactions(event: ReactionEvent[IntroCompleted], answers: Answers) -> Iterator[Reaction]:
    said = event.payload
    standing = answers.standings.get(StandingOf(Saga.INTRO, said.intro_id))
    if standing is not None and standing.status not in OVER:
        yield Move(
            name="intro",
            saga=Saga.INTRO,
            id=said.intro_id,
            seen=standing,
            status="completed",
            at=said.completed_at or event.created_at,
        )
    if said.credits_awarded:
        yield Credit(
            name="credits",
            user_id=said.connector_user_id,
            amount=said.credits_awarded,
            # One introduction, one award: also if two events say that it is completed.
            key=f"intro.completed:{said.intro_id}",
            reason="intro_completed",
        )
    parties = [("connector", said.connector_user_id, Priority.NORMAL)]
    if said.innovator_id is not None:
        parties.append(("innovator", said.innovator_id, Priority.HIGH))
    for party, user_id, priority in parties:
        yield Task(
            name=party,
            task_type="notify_intro_completed",
            agent_type="concierge",
            user_id=user_id,
            context_type="intro_opportunity",
            context_id=said.intro_id,
            scheduled_for=event.created_at,
            priority=priority,
            context={
                "introId": said.intro_id,
                "role": party,
                "prospectId": said.prospect_id,
                "creditsAwarded": said.credits_awarded if party == "connector" else None,
            },
        )
