"""The types that make an inbox item, or end one."""

from datetime import timedelta
from typing import Any

import pytest

from pipeline.domain.identifiers import UserId
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.handlers import REACTION_HANDLERS
from tests.reactions.asking import AMARA, AT, INTRO, LEO, effects

OPPORTUNITY: dict[str, Any] = {
    "introOpportunityId": str(INTRO),
    "connectorUserId": str(AMARA),
    "prospectName": "Ada",
}
CONNECTION: dict[str, Any] = {
    "connectionRequestId": str(INTRO),
    "innovatorUserId": str(LEO),
    "introduceeUserId": str(AMARA),
}
LATER = (AT + timedelta(days=7)).isoformat()


def item(event_type: str, payload: dict[str, Any]) -> InboxItem:
    found = effects(event_type, payload)["item"]
    assert isinstance(found, InboxItem)
    return found


@pytest.mark.parametrize(("bounty", "score"), [(0, 0), (25, 25), (100, 100), (250, 100)])
def test_an_opportunity_is_an_item_of_the_connector_with_its_credits_as_score(
    bounty: int, score: int
) -> None:
    said = {**OPPORTUNITY, "bountyCredits": bounty, "expiresAt": LATER}
    made = item("intro.opportunity_created", said)
    assert (made.user_id, made.item_type, made.item_id) == (AMARA, "intro_opportunity", INTRO)
    assert (made.status, made.score) == (ItemStatus.ACTIVE, score)
    assert made.expires_at == AT + timedelta(days=7)
    assert (made.content["prospectName"], made.content["bountyCredits"]) == ("Ada", bounty)


def test_a_request_to_connect_is_an_item_of_who_is_asked_with_a_score_of_60() -> None:
    said = {**CONNECTION, "vouchedByUserIds": [str(LEO)] * 3, "introContext": "x" * 200}
    made = item("connection.request_created", said)
    assert (made.user_id, made.item_type, made.item_id) == (AMARA, "connection_request", INTRO)
    assert (made.status, made.score, made.expires_at) == (ItemStatus.ACTIVE, 60, None)


@pytest.mark.parametrize(
    ("event_type", "payload", "user_id", "status"),
    [
        ("intro.opportunity_accepted", OPPORTUNITY, AMARA, ItemStatus.ACTIONED),
        ("intro.opportunity_declined", OPPORTUNITY, AMARA, ItemStatus.EXPIRED),
        ("intro.opportunity_cancelled", OPPORTUNITY, None, ItemStatus.EXPIRED),
        ("intro.opportunity_completed", OPPORTUNITY, None, ItemStatus.ACTIONED),
        ("connection.request_accepted", CONNECTION, AMARA, ItemStatus.ACTIONED),
        ("connection.request_declined", CONNECTION, AMARA, ItemStatus.EXPIRED),
    ],
)
def test_an_answer_ends_the_item(
    event_type: str, payload: dict[str, Any], user_id: UserId | None, status: ItemStatus
) -> None:
    found = effects(event_type, payload)
    assert list(found) == ["item"]
    kind = "intro_opportunity" if event_type.startswith("intro.") else "connection_request"
    assert found["item"] == InboxItem(
        name="item", user_id=user_id, item_type=kind, item_id=INTRO, status=status
    )


def test_the_events_of_an_item_wait_for_each_other() -> None:
    asking = {
        name
        for name, handler in REACTION_HANDLERS.items()
        if handler.in_order and name.startswith(("connection.", "intro."))
    }
    ends = ("created", "accepted", "declined")
    assert asking == {
        *(f"connection.request_{end}" for end in ends),
        *(f"intro.opportunity_{end}" for end in (*ends, "cancelled", "completed")),
    }


def test_only_the_end_of_an_item_is_for_everybody_who_has_it() -> None:
    with pytest.raises(ValueError, match="needs a user_id"):
        InboxItem(name="item", user_id=None, item_type="intro_opportunity", item_id=INTRO)


@pytest.mark.parametrize("score", [-1, 101])
def test_a_score_is_from_0_to_100(score: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 100"):
        InboxItem(name="i", user_id=AMARA, item_type="x", item_id=INTRO, score=score)
