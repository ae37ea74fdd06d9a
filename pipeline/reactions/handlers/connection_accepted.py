"""connection.request_accepted: a person agreed to be introduced."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done


class ConnectionAccepted(CamelPayload):
    """Payload of ``connection.request_accepted``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "connectionRequestId": "f0000000-0000-4000-8000-000000000001",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    connection_request_id: UUID
    introducee_user_id: UserId


class ConnectionAcceptedHandler(ReactionHandler[ConnectionAccepted]):
    """The person has acted: the request needs nothing more of them."""

    event_type = EventType("connection.request_accepted")
    payload = ConnectionAccepted
    in_order = True

    def react(self, event: ReactionEvent[ConnectionAccepted], answers: Answers) -> Done:
        """The item of the person is actioned."""
        said = event.payload
        return done(
            InboxItem(
                name="item",
                user_id=said.introducee_user_id,
                item_type=ItemType.CONNECTION_REQUEST,
                item_id=said.connection_request_id,
                status=ItemStatus.ACTIONED,
            )
        )
