"""The opportunity to introduce somebody: what the connector decides, and the end of the item."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.item_types import ItemType


class OpportunityDecided(CamelPayload):
    """The payload of each event that says what the connector decided."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOpportunityId": "f0000000-0000-4000-8000-000000000001",
                    "connectorUserId": "a0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    intro_opportunity_id: UUID
    connector_user_id: UserId


def item_ended(opportunity_id: UUID, user_id: UserId | None, status: ItemStatus) -> InboxItem:
    """Return the item of a person with its last status; of everybody if ``user_id`` is None."""
    return InboxItem(
        name="item",
        user_id=user_id,
        item_type=ItemType.INTRO_OPPORTUNITY,
        item_id=opportunity_id,
        status=status,
    )
