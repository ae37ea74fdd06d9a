"""The types that lead to a message with a template."""

from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.domain.delivery import Priority
from pipeline.domain.errors import InvalidRow
from pipeline.reactions.effects import TemplateMessage
from pipeline.reactions.facts import Answers, HoldersOf
from tests.reactions.asking import AMARA, AT, INTRO, LEO, TALK, asked, effects

ASKED: dict[str, Any] = {"userId": str(AMARA), "messageData": {"template": "welcome"}}


def message(found: Mapping[str, Any], name: str) -> TemplateMessage:
    effect = found[name]
    assert isinstance(effect, TemplateMessage)
    return effect


def test_a_completed_connection_thanks_one_when_there_is_time_and_tells_the_other() -> None:
    found = effects(
        "connection.request_completed",
        {
            "connectionRequestId": str(INTRO),
            "innovatorUserId": str(LEO),
            "introduceeUserId": str(AMARA),
        },
    )
    assert list(found) == ["thanks", "completed"]
    thanks, completed = message(found, "thanks"), message(found, "completed")
    assert (thanks.user_id, thanks.priority, thanks.can_delay) == (AMARA, Priority.LOW, True)
    assert (completed.user_id, completed.can_delay) == (LEO, False)
    assert completed.priority is Priority.NORMAL


def test_a_completed_opportunity_is_told_to_who_has_it_and_the_message_may_wait() -> None:
    holders = Answers(holders={HoldersOf("intro_opportunity", INTRO): (AMARA,)})
    found = effects("intro.opportunity_completed", {"introOpportunityId": str(INTRO)}, holders)
    assert list(found) == ["item", f"connector:{AMARA}"]
    told = message(found, f"connector:{AMARA}")
    assert (told.template, told.user_id) == ("intro_opportunity_completed", AMARA)
    assert (told.priority, told.can_delay, told.scheduled_for) == (Priority.LOW, True, AT)


def test_a_message_that_is_asked_for_is_queued_as_it_was_asked() -> None:
    found = effects(
        "message.send.requested",
        {
            "userId": str(AMARA),
            "agentId": "concierge",
            "messageData": {"template": "welcome", "context": {"first": "A"}, "message": "Hi"},
            "priority": "low",
            "canDelay": True,
            "requiresFreshContext": True,
            "conversationContextId": str(TALK),
        },
    )
    assert message(found, "message") == TemplateMessage(
        name="message",
        user_id=AMARA,
        template="welcome",
        scheduled_for=AT,
        priority=Priority.LOW,
        can_delay=True,
        conversation_id=TALK,
        context={
            "first": "A",
            "agentId": "concierge",
            "message": "Hi",
            "requiresFreshContext": True,
        },
    )


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        (None, Priority.NORMAL),
        ("urgent", Priority.CRITICAL),
        ("high", Priority.HIGH),
        ("medium", Priority.NORMAL),
        ("low", Priority.LOW),
    ],
)
def test_f36_a_priority_is_a_number_and_never_sorted_by_its_letters(
    text: str | None, priority: Priority
) -> None:
    found = effects("message.send.requested", {**ASKED, "priority": text})
    assert message(found, "message").priority is priority


@pytest.mark.parametrize(
    "broken",
    [
        {"messageData": None},
        {"messageData": {}},
        {"messageData": {"template": " "}},
        {"messageData": {"template": "welcome", "context": ["x"]}},
        {"priority": "at once"},
        {"userId": None},
    ],
)
def test_a_message_without_a_template_or_a_person_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidRow):
        asked("message.send.requested", {**ASKED, **broken})
