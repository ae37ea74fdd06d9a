"""What follows from the events of each type."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pipeline.domain.delivery import Priority
from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import EventType
from pipeline.reactions.effects import (
    AuditEntry,
    Classification,
    CommunityRequest,
    Credit,
    FollowUp,
    Move,
    SagaStart,
    Task,
    Touch,
    Touched,
)
from pipeline.reactions.facts import (
    ActiveConversation,
    Answers,
    ExpertsIn,
    KnownRequest,
    RequestOf,
    SimilarRequest,
    StandingOf,
)
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.identifiers import ReactionId, id_from
from pipeline.reactions.outcome import GaveUp
from pipeline.reactions.saga import Saga, Standing
from tests.reactions.asking import (
    AMARA,
    AT,
    EVENT,
    GRACE,
    INTRO,
    LEO,
    REQUEST,
    TALK,
    asked,
    effects,
)


def task(found: Mapping[str, Any], name: str) -> Task:
    effect = found[name]
    assert isinstance(effect, Task)
    return effect


@pytest.mark.parametrize(
    ("urgency", "priority"),
    [
        ("high", Priority.HIGH),
        ("low", Priority.NORMAL),
        (None, Priority.NORMAL),
        ("urgent", Priority.NORMAL),
    ],
)
def test_a_needed_solution_is_researched_as_fast_as_it_is_urgent(
    urgency: str | None, priority: Priority
) -> None:
    found = effects(
        "user.inquiry.solution_needed",
        {
            "userId": str(AMARA),
            "conversationId": str(TALK),
            "requestDescription": "A lender",
            "urgency": urgency,
        },
    )
    assert list(found) == ["workflow", "research", "initiated", "time_over"]
    assert found["workflow"] == SagaStart(
        name="workflow",
        saga=Saga.WORKFLOW,
        id=id_from(EVENT, "workflow"),
        status="awaiting_expert_responses",
        user_id=AMARA,
    )
    over = found["time_over"]
    assert isinstance(over, FollowUp)
    assert (over.type, over.at) == ("solution.time_over", AT + timedelta(hours=24))
    research = task(found, "research")
    assert (research.task_type, research.agent_type) == ("research_solution", "solution_saga")
    assert (research.user_id, research.scheduled_for, research.priority) == (AMARA, AT, priority)
    assert research.context["eventId"] == EVENT
    initiated = found["initiated"]
    assert isinstance(initiated, FollowUp)
    assert initiated.type == "solution.research_initiated"


NEEDED: dict[str, Any] = {
    "question": "Who finances hotels?",
    "category": "lending",
    "expertiseNeeded": ["hotels", "loans"],
    "requestingUserId": str(AMARA),
    "contextType": "solution_workflow",
    "contextId": str(INTRO),
}
SIMILAR = SimilarRequest("lending", ("hotels", "loans"), AT - timedelta(days=7))
EXPERTS = ExpertsIn(("hotels", "loans"), AMARA, 5)


def test_a_needed_answer_is_asked_of_the_experts() -> None:
    found = effects("community.request_needed", NEEDED, Answers(experts={EXPERTS: (LEO, GRACE)}))
    assert list(found) == ["request", f"expert:{LEO}", f"expert:{GRACE}", "routed"]
    request = found["request"]
    assert isinstance(request, CommunityRequest)
    assert (request.context_type, request.context_id) == ("solution_workflow", INTRO)
    assert (request.desired_outcome, request.urgency) == ("backchannel", "medium")
    assert request.expires_at == AT + timedelta(days=7)
    assert request.experts == (LEO, GRACE)
    for expert in (LEO, GRACE):
        told = task(found, f"expert:{expert}")
        assert (told.task_type, told.agent_type) == (
            "community_request_available",
            "account_manager",
        )
        assert (told.user_id, told.priority) == (expert, Priority.NORMAL)
        assert told.context_id == id_from(EVENT, "request")
    routed = found["routed"]
    assert isinstance(routed, FollowUp)
    assert routed.type == "community.request_routed"


def test_two_needed_answers_of_a_category_are_never_processed_at_the_same_time() -> None:
    assert REACTION_HANDLERS[EventType("community.request_needed")].one_at_a_time == "category"


def test_a_similar_open_request_of_seven_days_is_used_in_place_of_a_new_one() -> None:
    answers = Answers(similar={SIMILAR: REQUEST}, experts={EXPERTS: (LEO, GRACE)})
    found = effects("community.request_needed", NEEDED, answers)
    assert list(found) == ["attached"]
    attached = found["attached"]
    assert isinstance(attached, FollowUp)
    assert (attached.type, attached.aggregate_id) == ("community.request_attached", REQUEST)


def test_a_needed_answer_that_nobody_knows_is_stored_and_said() -> None:
    found = effects("community.request_needed", NEEDED)
    assert list(found) == ["request", "nobody", "routed"]
    nobody, routed = found["nobody"], found["routed"]
    assert isinstance(nobody, FollowUp)
    assert isinstance(routed, FollowUp)
    # The aggregate is an id, never the text of the category.
    assert nobody.aggregate_id == id_from(EVENT, "request")
    assert nobody.type == "community.no_experts_found"
    # As in the replaced program, it goes on: who waits for the request hears of it.
    assert (routed.type, routed.aggregate_id) == ("community.request_routed", nobody.aggregate_id)


@pytest.mark.parametrize(
    ("intro", "context"),
    [(None, ("conversation", TALK)), (str(INTRO), ("intro_opportunity", INTRO))],
)
def test_a_question_about_an_introduction_is_one_task(
    intro: str | None, context: tuple[str, UUID]
) -> None:
    found = effects(
        "user.intro_inquiry",
        {
            "userId": str(AMARA),
            "conversationId": str(TALK),
            "userQuestion": "When?",
            "introId": intro,
        },
    )
    assert list(found) == ["follow up"]
    check = task(found, "follow up")
    assert (check.task_type, check.agent_type) == ("intro_followup_check", "account_manager")
    assert (check.scheduled_for, check.priority) == (AT, Priority.HIGH)
    assert (check.context_type, check.context_id) == context


def test_a_verified_person_is_told_after_a_minute() -> None:
    found = effects("user.verified", {"userId": str(AMARA), "pocAgentType": "bouncer"})
    assert list(found) == ["priorities"]
    told = task(found, "priorities")
    assert (told.task_type, told.agent_type) == ("notify_user_of_priorities", "account_manager")
    assert (told.scheduled_for, told.priority) == (AT + timedelta(seconds=60), Priority.HIGH)


def test_a_message_touches_its_sender_and_its_conversation_at_the_time_of_the_event() -> None:
    found = effects(
        "user.message.received",
        {"userId": str(AMARA), "conversationId": str(TALK), "message": "Hello", "phoneNumber": "1"},
    )
    assert found == {
        "user": Touch(name="user", what=Touched.USER, id=AMARA, at=AT),
        "conversation": Touch(name="conversation", what=Touched.CONVERSATION, id=TALK, at=AT),
    }


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("feedback", ["log"]),
        ("acceptance", ["log"]),
        ("clarification", ["log"]),
        ("rejection", ["log", "priorities"]),
    ],
)
def test_an_answer_is_logged_and_only_a_rejection_offers_something_else(
    kind: str, names: list[str]
) -> None:
    found = effects(
        "user.response.recorded",
        {
            "userId": str(AMARA),
            "conversationId": str(TALK),
            "responseType": kind,
            "context": {"item": 1},
            "response": "No",
        },
    )
    assert list(found) == names
    logged = found["log"]
    assert isinstance(logged, AuditEntry)
    assert logged.data["conversationId"] == TALK
    if kind == "rejection":
        offer = task(found, "priorities")
        assert offer.priority is Priority.NORMAL
        assert offer.context["reason"] == "user_rejection"


def test_research_is_told_in_the_active_conversation_and_completes_its_workflow() -> None:
    said = {"workflowId": str(INTRO), "userId": str(AMARA), "findings": [{"name": "First Bank"}]}
    seen = Standing(status="final_evaluation")
    active = Answers(
        conversations={ActiveConversation(AMARA): TALK},
        standings={StandingOf(Saga.WORKFLOW, INTRO): seen},
    )
    found = effects("solution.research_complete", said, active)
    assert list(found) == ["findings", "workflow"]
    told = task(found, "findings")
    assert (told.task_type, told.agent_type) == ("solution_workflow_timeout", "concierge")
    assert told.priority is Priority.HIGH
    assert told.context["conversationId"] == TALK
    assert found["workflow"] == Move(
        name="workflow", saga=Saga.WORKFLOW, id=INTRO, seen=seen, status="completed", at=AT
    )


def test_research_for_a_person_without_a_conversation_is_given_up() -> None:
    said = {"workflowId": str(INTRO), "userId": str(AMARA)}
    outcome = asked("solution.research_complete", said)
    assert outcome == GaveUp(reason="the person has no active conversation")


COMPLETED: dict[str, Any] = {
    "introId": str(INTRO),
    "connectorUserId": str(AMARA),
    "creditsAwarded": 25,
    "completedAt": "2026-03-02T11:00:00Z",
}


OPEN = Standing(status="open")
OPEN_INTRO = Answers(standings={StandingOf(Saga.INTRO, INTRO): OPEN})


def test_a_completed_introduction_awards_credits_and_tells_both_parties() -> None:
    found = effects("intro.completed", {**COMPLETED, "innovatorId": str(LEO)}, OPEN_INTRO)
    assert list(found) == ["intro", "credits", "connector", "innovator"]
    at = AT - timedelta(hours=1)
    assert found["intro"] == Move(
        name="intro", saga=Saga.INTRO, id=INTRO, seen=OPEN, status="completed", at=at
    )
    assert found["credits"] == Credit(
        name="credits",
        user_id=AMARA,
        amount=25,
        key=f"intro.completed:{INTRO}",
        reason="intro_completed",
    )
    connector, innovator = task(found, "connector"), task(found, "innovator")
    assert connector.agent_type == innovator.agent_type == "concierge"
    assert (connector.user_id, connector.priority) == (AMARA, Priority.NORMAL)
    assert (innovator.user_id, innovator.priority) == (LEO, Priority.HIGH)


def test_an_introduction_to_nobody_of_ours_tells_the_connector_alone() -> None:
    assert list(effects("intro.completed", COMPLETED)) == ["credits", "connector"]


def test_an_introduction_without_credits_awards_none() -> None:
    found = effects("intro.completed", {**COMPLETED, "creditsAwarded": 0}, OPEN_INTRO)
    assert list(found) == ["intro", "connector"]


def test_two_events_of_one_introduction_award_under_one_key() -> None:
    other = ReactionId(UUID("e0000000-0000-4000-8000-000000000002"))
    keys = {
        effect.key
        for event_id in (EVENT, other)
        for effect in getattr(asked("intro.completed", COMPLETED, event_id=event_id), "effects", ())
        if isinstance(effect, Credit)
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (KnownRequest(), []),
        (KnownRequest(requesting_user_id=LEO), ["requester"]),
        (KnownRequest(context_type="solution_workflow", context_id=INTRO), ["workflow"]),
        (
            KnownRequest(
                requesting_user_id=LEO, context_type="solution_workflow", context_id=INTRO
            ),
            ["workflow", "requester"],
        ),
        (KnownRequest(requesting_user_id=LEO, context_type="conversation"), ["requester"]),
    ],
)
def test_a_response_goes_to_who_waits_for_it(request_: KnownRequest, names: list[str]) -> None:
    found = effects(
        "community.response_received",
        {
            "responseId": str(EVENT),
            "requestId": str(REQUEST),
            "expertUserId": str(GRACE),
            "responseSummary": "Yes",
        },
        Answers(requests={RequestOf(REQUEST): request_}),
    )
    assert list(found) == [*names, "request", "item"]
    if "workflow" in names:
        told = task(found, "workflow")
        assert (told.agent_type, told.priority) == ("solution_saga", Priority.NORMAL)
        assert told.context_id == INTRO
    if "requester" in names:
        told = task(found, "requester")
        assert (told.agent_type, told.priority) == ("account_manager", Priority.HIGH)
        assert told.user_id == LEO


def test_a_response_to_an_unknown_request_is_given_up() -> None:
    said = {"responseId": str(EVENT), "requestId": str(REQUEST), "expertUserId": str(GRACE)}
    outcome = asked("community.response_received", said)
    assert outcome == GaveUp(reason="the community request does not exist")


@pytest.mark.parametrize(("urgent", "names"), [(0, ["log"]), (2, ["log", "urgent"])])
def test_urgent_items_of_a_turn_are_told_at_once(urgent: int, names: list[str]) -> None:
    said = {"userId": str(AMARA), "processedEvents": 3, "urgentItems": urgent}
    found = effects("account_manager.processing.completed", said)
    assert list(found) == names
    if urgent:
        told = task(found, "urgent")
        assert (told.agent_type, told.priority) == ("concierge", Priority.CRITICAL)


@pytest.mark.parametrize(
    ("confidence", "names"),
    [(0.2, ["intent"]), (0.8, ["intent"]), (0.81, ["intent", "act"]), (1, ["intent", "act"])],
)
def test_somebody_acts_on_an_intent_only_above_four_fifths(
    confidence: float, names: list[str]
) -> None:
    said = {"conversationId": str(TALK), "intent": "buy", "confidence": confidence}
    found = effects("conversation.intent_classified", said)
    assert list(found) == names
    noted = found["intent"]
    assert isinstance(noted, Classification)
    assert (noted.intent, noted.confidence, noted.at) == ("buy", confidence, AT)
    assert "act" not in found or task(found, "act").agent_type == "account_manager"


@pytest.mark.parametrize("confidence", [-0.1, 1.1, None, "sure"])
def test_a_confidence_is_between_0_and_1(confidence: object) -> None:
    said = {"conversationId": str(TALK), "intent": "buy", "confidence": confidence}
    with pytest.raises(InvalidRow):
        asked("conversation.intent_classified", said)
