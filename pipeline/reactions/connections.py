"""The request to a person to be introduced: what they decide, and the end of their item."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.item_types import ItemType


class ConnectionDecided(CamelPayload):
    """The payload of each event that says what the person decided."""

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


def item_ended(said: ConnectionDecided, status: ItemStatus) -> InboxItem:
    """Return the item of the person with its last status."""
    return InboxItem(
        name="item",
        user_id=said.introducee_user_id,
        item_type=ItemType.CONNECTION_REQUEST,
        item_id=said.connection_request_id,
        status=status,
    )
