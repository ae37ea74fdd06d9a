"""user.verified: a person is verified."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done

# The welcome comes first.
AFTER_WELCOME: Final = timedelta(seconds=60)


class UserVerified(CamelPayload):
    """Payload of ``user.verified``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "verificationCompletedAt": "2026-03-02T11:59:00Z",
                    "pocAgentType": "bouncer",
                }
            ]
        }
    )

    user_id: UserId
    verification_completed_at: datetime | None = None
    poc_agent_type: OptionalLine = None


class UserVerifiedHandler(ReactionHandler[UserVerified]):
    """Tell the person what waits for them, after a minute."""

    event_type = EventType("user.verified")
    payload = UserVerified

    def react(self, event: ReactionEvent[UserVerified], answers: Answers) -> Done:
        """One task, due 60 seconds after the event."""
        said = event.payload
        return done(
            Task(
                name="priorities",
                task_type="notify_user_of_priorities",
                agent_type="account_manager",
                user_id=said.user_id,
                context_type="user",
                context_id=said.user_id,
                scheduled_for=event.created_at + AFTER_WELCOME,
                priority=Priority.HIGH,
                context={
                    "reason": "user_verified",
                    "verificationCompletedAt": said.verification_completed_at,
                    "pocAgentType": said.poc_agent_type,
                },
            )
        )
