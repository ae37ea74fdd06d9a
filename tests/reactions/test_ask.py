"""What holds for every handler: one name for each effect, ids from causes, an end to chains."""

import pytest

from pipeline.reactions.effects import AuditEntry
from pipeline.reactions.events import MOST_DEPTH
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.handlers.user_verified import UserVerifiedHandler
from pipeline.reactions.identifiers import id_from
from pipeline.reactions.outcome import Done, GaveUp, done
from tests.reactions.asking import AMARA, EVENT, INTRO, TALK, asked

NEEDED = {"userId": str(AMARA), "conversationId": str(TALK), "requestDescription": "A lender"}


def test_a_second_handler_of_one_type_is_refused() -> None:
    with pytest.raises(ValueError, match="is used twice"):
        reaction_handlers([UserVerifiedHandler(), UserVerifiedHandler()])


def test_the_same_event_has_the_same_outcome() -> None:
    first, second = (asked("user.inquiry.solution_needed", NEEDED) for _ in range(2))
    assert first == second


def test_two_effects_with_one_name_are_refused() -> None:
    twice = AuditEntry(name="log", action="a", agent_type="b")
    with pytest.raises(ValueError, match="same name"):
        done(twice, twice)


def test_an_id_follows_from_cause_and_name_alone() -> None:
    found = id_from(EVENT, "research")
    assert found == id_from(EVENT, "research")
    assert len({found, id_from(EVENT, "initiated"), id_from(INTRO, "research")}) == 3
    assert (found.version, found.variant) == (8, "specified in RFC 4122")


def test_a_chain_of_follow_ups_has_an_end() -> None:
    last = asked("user.inquiry.solution_needed", NEEDED, depth=MOST_DEPTH - 1)
    assert isinstance(last, Done)
    assert isinstance(asked("user.inquiry.solution_needed", NEEDED, depth=MOST_DEPTH), GaveUp)


def test_control_the_last_event_of_a_chain_may_do_anything_else() -> None:
    assert isinstance(asked("user.verified", {"userId": str(AMARA)}, depth=MOST_DEPTH), Done)
