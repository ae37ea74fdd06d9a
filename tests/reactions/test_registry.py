"""The table of handlers refuses what cannot work."""

import pytest

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import Done, done


class Parcel(CamelPayload):
    """A parcel."""

    parcel_kind: str | None = None


class ByKind(ReactionHandler[Parcel]):
    """One at a time, by the key as the producer writes it."""

    event_type = EventType("parcel.sent")
    payload = Parcel
    one_at_a_time = "parcelKind"

    def react(self, event: ReactionEvent[Parcel], answers: Answers) -> Done:
        return done()


class ByField(ByKind):
    """Names the field and not the key."""

    one_at_a_time = "parcel_kind"


class Both(ByKind):
    """Asks for two orders."""

    in_order = True


def test_a_handler_may_ask_for_one_order() -> None:
    assert list(reaction_handlers([ByKind()])) == ["parcel.sent"]


@pytest.mark.parametrize(
    ("handler", "words"), [(ByField(), "expected a payload key"), (Both(), "choose one of them")]
)
def test_an_order_that_is_impossible_is_refused(handler: ByKind, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reaction_handlers([handler])
