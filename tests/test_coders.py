import pickle
from dataclasses import replace
from typing import Any

import pytest
from apache_beam.coders import registry
from apache_beam.typehints import List

from pipeline.coders import ITEM_BYTES
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import InvalidEvent, MissingAttribute
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.payload import Payload
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.batches import Decided, Fetched
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import row_of
from tests.builders import (
    BOB,
    GREETED,
    NOON,
    Greeted,
    email,
    event,
    message,
    notification,
    outcome,
)

LETTER = DeadLetter.of_event(EventId(1), GREETED, "decode", InvalidEvent("payload: no"))
NAMELESS = DeadLetter.of_message(message(event_id=None), "fetch", MissingAttribute("no id"))
UNROUTED = Unrouted(id=EventId(1), type=EventType("unheard_of"))
ROW = row_of(EventId(1), Greeted, GREETED, {"greeting": "hi"}, NOON)
OUTCOME = outcome(1, (BOB, notification()), (BOB, email()))


class Unpicklable(str):
    """A text that raises an error if it is pickled."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise AssertionError("pickled")


@pytest.mark.parametrize(
    ("hint", "original"),
    [
        (WakeUp, WakeUp.of(message(data=b"\x00\xff not text", name="Grüße 🎉"), "receipt")),
        (WakeUp, WakeUp(None)),
        (Fetched, Fetched([ROW], [NAMELESS])),
        (Event[Payload], event()),
        (Unrouted, UNROUTED),
        (Decided, Decided([OUTCOME], [LETTER])),
        (DeadLetter, LETTER),
        (DeadLetter, NAMELESS),
    ],
)
def test_what_is_handed_on_comes_back_as_it_was(hint: type, original: object) -> None:
    coder = registry.get_coder(hint)
    assert coder.decode(coder.encode(original)) == original


@pytest.mark.parametrize(
    ("hint", "element", "items"),
    [
        (WakeUp, WakeUp(EventId(1), receipt=Unpicklable()), 1),
        (Event[Payload], event(type=Unpicklable()), 1),
        (Unrouted, replace(UNROUTED, type=EventType(Unpicklable())), 1),
        (DeadLetter, replace(LETTER, reason=Unpicklable()), 1),
        (Decided, Decided([replace(OUTCOME, reason=Unpicklable())], [LETTER] * 3), 6),
    ],
)
def test_a_batch_is_measured_by_its_items_without_being_written_down(
    hint: Any,  # noqa: ANN401 - a type, or what stands for one
    element: object,
    items: int,
) -> None:
    batch = [element] * 3
    coder = registry.get_coder(List[hint])
    size, _ = coder.get_impl().get_estimated_size_and_observables(batch)
    assert 3 * items * ITEM_BYTES <= size < (3 * items + 1) * ITEM_BYTES
    with pytest.raises(AssertionError, match="pickled"):
        pickle.dumps(batch)


def test_rows_are_measured_by_what_is_used_of_their_payloads() -> None:
    large = replace(ROW, payload=Unpicklable(), payload_bytes=100_000)
    coder = registry.get_coder(Fetched)
    size, _ = coder.get_impl().get_estimated_size_and_observables(Fetched([large] * 3, [LETTER]))
    assert 300_000 + 4 * ITEM_BYTES <= size < 300_000 + 5 * ITEM_BYTES
