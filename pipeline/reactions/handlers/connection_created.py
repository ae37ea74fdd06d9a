"""connection.request_created: a person is asked whether they may be introduced."""

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done

SCORE: Final = 60


class ConnectionCreated(CamelPayload):
    """Payload of ``connection.request_created``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "connectionRequestId": "f0000000-0000-4000-8000-000000000001",
                    "innovatorUserId": "a0000000-0000-4000-8000-000000000002",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000001",
                    "introduceeProspectName": "Ada Byron",
                    "introContext": "They both build engines",
                    "vouchedByUserIds": ["a0000000-0000-4000-8000-000000000002"],
                    "expiresAt": "2026-03-09T12:00:00Z",
                }
            ]
        }
    )

    connection_request_id: UUID
    innovator_user_id: UserId
    introducee_user_id: UserId
    introducee_prospect_name: OptionalLine = None
    intro_context: str | None = None
    vouched_by_user_ids: tuple[UserId, ...] = ()
    expires_at: datetime | None = None


class ConnectionCreatedHandler(ReactionHandler[ConnectionCreated]):
    """Put the request into the inbox of the person."""

    event_type = EventType("connection.request_created")
    payload = ConnectionCreated
    in_order = True

    def react(self, event: ReactionEvent[ConnectionCreated], answers: Answers) -> Done:
        """One item with a score of 60."""
        said = event.payload
        return done(
            InboxItem(
                name="item",
                user_id=said.introducee_user_id,
                item_type=ItemType.CONNECTION_REQUEST,
                item_id=said.connection_request_id,
                score=SCORE,
                expires_at=said.expires_at,
                content={
                    "innovatorUserId": said.innovator_user_id,
                    "introduceeProspectName": said.introducee_prospect_name,
                    "introContext": said.intro_context,
                    "vouchedByUserIds": said.vouched_by_user_ids,
                },
            )
        )
