"""connection.request_completed: two people were connected."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import TemplateMessage
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class ConnectionCompleted(CamelPayload):
    """Payload of ``connection.request_completed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "connectionRequestId": "f0000000-0000-4000-8000-000000000001",
                    "innovatorUserId": "a0000000-0000-4000-8000-000000000002",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000001",
                    "introduceeProspectName": "Ada Byron",
                }
            ]
        }
    )

    connection_request_id: UUID
    innovator_user_id: UserId
    introducee_user_id: UserId
    introducee_prospect_name: OptionalLine = None


class ConnectionCompletedHandler(ReactionHandler[ConnectionCompleted]):
    """Thank the person who was introduced, and tell the innovator."""

    event_type = EventType("connection.request_completed")
    payload = ConnectionCompleted

    def react(self, event: ReactionEvent[ConnectionCompleted], answers: Answers) -> Done:
        """Two messages: the thanks may wait, the other may not."""
        said = event.payload
        context = {
            "connectionRequestId": said.connection_request_id,
            "introduceeProspectName": said.introducee_prospect_name,
        }
        return done(
            TemplateMessage(
                name="thanks",
                user_id=said.introducee_user_id,
                template="connection_request_thanks",
                scheduled_for=event.created_at,
                priority=Priority.LOW,
                can_delay=True,
                context=context,
            ),
            TemplateMessage(
                name="completed",
                user_id=said.innovator_user_id,
                template="connection_request_completed",
                scheduled_for=event.created_at,
                context=context,
            ),
        )
