import pickle
from dataclasses import replace
from typing import Any

import pytest
from apache_beam.coders import registry
from apache_beam.typehints import List

from pipeline.coders import MessageCoder
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import NotJson
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.identifiers import EventType
from pipeline.domain.message import Message
from pipeline.domain.outcome import Outcome
from tests.builders import event, message, outcome

LETTER = DeadLetter.of(message(), "decode", NotJson("the message is not JSON"))
UNROUTED = Unrouted(id=event().id, type=EventType("unheard_of"), message=message())


class Unpicklable(str):
    """A text that cannot be pickled: whoever tries is found out."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise AssertionError("pickled")


@pytest.mark.parametrize(
    "original",
    [
        Message(b"", {}),
        Message(b'{"a": 1}', {"id": "1", "event_type": "greeted"}),
        Message(b"\x00\xff not text", {"name": "Grüße 🎉", "": "an empty name"}),
    ],
)
def test_a_message_comes_back_as_it_was(original: Message) -> None:
    coder = MessageCoder()
    assert coder.decode(coder.encode(original)) == original


def test_a_message_is_written_as_pub_sub_writes_it() -> None:
    # Field 1 is data; field 2 an attribute, itself of field 1, the name, and field 2, the value.
    encoded = MessageCoder().encode(Message(b"xyz", {"id": "7"}))
    assert encoded == b"\x0a\x03xyz" + b"\x12\x07" + b"\x0a\x02id" + b"\x12\x017"


@pytest.mark.parametrize(
    ("hint", "original"),
    [
        (Event[Any], event()),
        (Unrouted, UNROUTED),
        (Outcome, outcome(1)),
        (DeadLetter, LETTER),
    ],
)
def test_what_carries_a_message_comes_back_as_it_was(hint: type, original: object) -> None:
    coder = registry.get_coder(hint)
    assert coder.decode(coder.encode(original)) == original


@pytest.mark.parametrize(
    ("hint", "element"), [(Event[Any], event()), (Outcome, outcome(1)), (DeadLetter, LETTER)]
)
def test_a_batch_is_measured_without_being_written_down(
    hint: type, element: Event[Any] | Outcome | DeadLetter
) -> None:
    batch = [replace(element, message=Message(b"twelve bytes", {"x": Unpicklable()}))] * 3
    coder = registry.get_coder(List[hint])
    size, _ = coder.get_impl().get_estimated_size_and_observables(batch)
    assert 3 * len(b"twelve bytes") <= size < 4 * len(b"twelve bytes")
    with pytest.raises(AssertionError, match="pickled"):
        pickle.dumps(batch)
