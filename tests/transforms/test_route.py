from collections.abc import Iterable
from typing import Any, Final

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.typehints.decorators import TypeCheckError

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload
from pipeline.fanout.decide import Policy
from pipeline.fanout.events import Event
from pipeline.fanout.row import Payloads
from pipeline.steps.route import by_type
from pipeline.transforms.decide import Decide
from pipeline.transforms.route import RouteByType
from tests.builders import GREETED, Greeted, GreetedHandler, event
from tests.transforms.graphs import NOWHERE, run


class Parted(Payload):
    """The payload of another event type."""


PARTED: Final = EventType("parted")
PAYLOADS: Final[Payloads] = {GREETED: Greeted, PARTED: Parted}

BATCHES: Final = list[Event[Payload]]


def decoded(numbers: Iterable[int]) -> list[Event[Any]]:
    """Return an event of both types for each number. The ids of the second type begin at 100."""
    return [
        event(number + 100 * place, type=name)
        for number in numbers
        for place, name in enumerate(PAYLOADS)
    ]


def test_the_events_of_a_type_keep_their_order() -> None:
    events = by_type(decoded([3, 1, 2])).items()
    assert {name: [each.id for each in found] for name, found in events} == {
        GREETED: [3, 1, 2],
        PARTED: [103, 101, 102],
    }
    assert by_type([]) == {}


def test_everything_leaves_by_the_output_it_belongs_to_in_batches_of_the_size() -> None:
    def build(batches: beam.PCollection[list[Event[Payload]]]) -> None:
        routed = batches | "Route" >> RouteByType(PAYLOADS, 2)
        expect("Greeted", routed[GREETED], [[1, 2], [3], [4]])
        expect("Parted", routed[PARTED], [[101, 102], [103], [104]])

    run([decoded([1, 2, 3]), decoded([4])], build, BATCHES)


def test_a_batch_of_nothing_wakes_no_branch() -> None:
    def build(batches: beam.PCollection[list[Event[Payload]]]) -> None:
        routed = batches | "Route" >> RouteByType(PAYLOADS, 2)
        for output in PAYLOADS:
            expect(output, routed[output], [])

    run([[]], build, BATCHES)


def test_a_branch_takes_events_of_its_own_type() -> None:
    def build(batches: beam.PCollection[list[Event[Payload]]]) -> None:
        routed = batches | "Route" >> RouteByType(PAYLOADS, 2)
        routed[GREETED] | "Decide" >> Decide(NOWHERE, GreetedHandler(), Policy())

    run([], build, BATCHES)


def test_control_a_branch_refuses_events_of_another_type() -> None:
    def build(batches: beam.PCollection[list[Event[Payload]]]) -> None:
        routed = batches | "Route" >> RouteByType(PAYLOADS, 2)
        routed[PARTED] | "Decide" >> Decide(NOWHERE, GreetedHandler(), Policy())

    with pytest.raises(TypeCheckError, match="Parted"):
        run([], build, BATCHES)


def expect(label: str, found: beam.PCollection[Any], batches: list[list[int]]) -> None:
    """Check the output batches of events, once the graph runs."""
    numbers = found | f"{label}Ids" >> beam.Map(ids_of)
    assert_that(numbers, equal_to(batches), label=label)


def ids_of(batch: Any) -> list[int]:  # noqa: ANN401 - of any output
    return [each.id for each in batch]
