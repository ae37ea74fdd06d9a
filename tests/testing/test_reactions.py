"""The kit for handlers of reactions tells what follows, and what a test got wrong."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import AuditEntry, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import ActiveConversation, Answers, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId, ReactionId
from pipeline.reactions.outcome import GaveUp, ReactionOutcome, RetryAt, done
from pipeline.testing.reactions import AT, refused, when

ANN = UserId(UUID("a0000000-0000-4000-8000-000000000009"))
TALK = ConversationId(UUID("c0000000-0000-4000-8000-000000000009"))


class Parcel(CamelPayload):
    """A parcel."""

    user_id: UserId
    weight: int = 1


class ParcelHandler(ReactionHandler[Parcel]):
    """Does everything that a handler can do, by the weight."""

    event_type = EventType("parcel.arrived")
    payload = Parcel

    def wants(self, event: ReactionEvent[Parcel]) -> bool:
        return event.payload.weight > 0

    def questions(self, event: ReactionEvent[Parcel]) -> list[Question]:
        return [ActiveConversation(event.payload.user_id)]

    def react(self, event: ReactionEvent[Parcel], answers: Answers) -> ReactionOutcome:
        if event.payload.weight == 2:
            return GaveUp(reason="it is too heavy")
        if event.payload.weight == 3:
            return RetryAt(at=event.created_at + timedelta(hours=1), reason="it is too early")
        data: Any = (
            object()
            if event.payload.weight == 4
            else answers.conversations.get(ActiveConversation(event.payload.user_id))
        )
        log = AuditEntry(name="log", action="parcel", agent_type="post", data={"talk": data})
        return done(log, AuditEntry(name="copy", action="parcel", agent_type="post"))


HANDLER = ParcelHandler()


def test_what_follows_is_found_by_kind_and_name() -> None:
    known = Answers(conversations={ActiveConversation(ANN): TALK})
    reacted = when(HANDLER, {"userId": ANN}, known)
    assert list(reacted.effects) == ["log", "copy"]
    assert reacted.only(AuditEntry, "log").data == {"talk": TALK}
    assert reacted.questions == {ActiveConversation(ANN)}
    with pytest.raises(AssertionError, match="2 effects of the kind AuditEntry"):
        reacted.only(AuditEntry)
    with pytest.raises(AssertionError, match="0 effects of the kind Task"):
        reacted.only(Task)


def test_never_and_not_yet_and_not_wanted_are_told_apart() -> None:
    assert when(HANDLER, {"userId": ANN, "weight": 2}).gave_up == "it is too heavy"
    assert when(HANDLER, {"userId": ANN, "weight": 3}).asks_again_after == timedelta(hours=1)
    unwanted = when(HANDLER, {"userId": ANN, "weight": 0})
    assert (unwanted.wanted, dict(unwanted.effects)) == (False, {})
    with pytest.raises(AssertionError, match="the outcome is not Done"):
        assert when(HANDLER, {"userId": ANN, "weight": 2}).effects
    with pytest.raises(AssertionError, match="the outcome is not GaveUp"):
        assert when(HANDLER, {"userId": ANN}).gave_up


def test_a_payload_is_read_as_the_pipeline_reads_it() -> None:
    assert "userId" in refused(HANDLER, {"userId": "nobody"})
    with pytest.raises(InvalidRow):
        when(HANDLER, {})
    with pytest.raises(AssertionError, match="the payload is accepted"):
        refused(HANDLER, {"userId": ANN})


def test_an_answer_that_nobody_asked_for_and_what_cannot_be_stored_are_mistakes() -> None:
    other = Answers(conversations={ActiveConversation(UserId(TALK)): TALK})
    with pytest.raises(TypeError, match="does not ask ActiveConversation"):
        when(HANDLER, {"userId": ANN}, other)
    with pytest.raises(TypeError):
        when(HANDLER, {"userId": ANN, "weight": 4})


def test_an_event_has_the_id_the_time_the_aggregate_and_the_metadata_that_are_given() -> None:
    created_at, event_id = AT + timedelta(days=1), ReactionId(UUID(int=7))
    event = when(
        HANDLER,
        {"userId": ANN},
        event_id=event_id,
        created_at=created_at,
        aggregate=("parcel", TALK),
        metadata={"talk": TALK},
    ).event
    assert (event.id, event.created_at) == (event_id, created_at)
    assert (event.aggregate_type, event.aggregate_id) == ("parcel", TALK)
    assert event.metadata == {"talk": str(TALK)}
