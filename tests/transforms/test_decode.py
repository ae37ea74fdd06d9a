from typing import Any, Final

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.message import Message
from pipeline.transforms.decode import Decode, decode_or_bury
from pipeline.transforms.route import RouteByType
from pipeline.transforms.tags import DEAD, EVENTS, UNROUTED
from tests.builders import GREETED, Greeted, message
from tests.transforms.graphs import run

PAYLOADS: Final = {GREETED: Greeted}
GOOD: Final = message(event_id="1")
UNKNOWN: Final = message(event_id="2", event_type="unheard_of")
BAD: Final = message(event_id="3", data=b"{")


def test_a_message_is_an_event_or_unrouted_or_a_dead_letter() -> None:
    kinds = [type(decode_or_bury(each, PAYLOADS)) for each in (GOOD, UNKNOWN, BAD)]
    assert kinds == [Event, Unrouted, DeadLetter]


def test_a_dead_letter_names_the_step_and_keeps_the_message() -> None:
    letter = decode_or_bury(BAD, PAYLOADS)
    assert isinstance(letter, DeadLetter)
    assert (letter.stage, letter.error_class, letter.message) == ("decode", "NotJson", BAD)


def test_every_message_leaves_by_the_output_it_belongs_to() -> None:
    def build(messages: beam.PCollection[Message]) -> None:
        decoded = messages | "Decode" >> Decode(PAYLOADS)
        routed = decoded[EVENTS] | "Route" >> RouteByType(PAYLOADS)
        expect("Dead", decoded[DEAD], [3])
        expect("Greeted", routed[GREETED], [1])
        expect("Unrouted", routed[UNROUTED], [2])

    run([GOOD, UNKNOWN, BAD], build)


def test_what_is_unrouted_goes_through_where_nothing_is_handled() -> None:
    def build(messages: beam.PCollection[Message]) -> None:
        routed = (messages | "Decode" >> Decode({}))[EVENTS] | "Route" >> RouteByType([])
        expect(
            "Unrouted", routed if isinstance(routed, beam.PCollection) else routed[UNROUTED], [1]
        )

    run([GOOD], build)


def expect(label: str, found: beam.PCollection[Any], ids: list[int]) -> None:
    """Check which events come out, once the graph runs."""
    numbers = found | f"{label}Id" >> beam.Map(id_of)
    assert_that(numbers, equal_to(ids), label=label)


def id_of(element: Event[Any] | Unrouted | DeadLetter) -> int | None:
    return element.event_id if isinstance(element, DeadLetter) else element.id
