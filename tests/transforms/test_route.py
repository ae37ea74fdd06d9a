from collections.abc import Iterable
from typing import Any, Final

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

import pipeline.topology.coders  # noqa: F401 - registers them
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import InvalidEvent
from pipeline.domain.identifiers import EventId, EventType
from pipeline.fanout.batches import Decoded
from pipeline.fanout.events import Event, Unrouted
from pipeline.transforms.route import RouteByType, by_type
from pipeline.transforms.tags import DEAD, UNROUTED
from tests.builders import GREETED, event
from tests.transforms.graphs import run

PARTED: Final = EventType("parted")
HANDLED: Final = (GREETED, PARTED)


def decoded(numbers: Iterable[int]) -> Decoded:
    """For each number one of everything: two events, one without a handler and a letter."""
    ids = list(numbers)
    return Decoded(
        [
            event(number + hundred, type=name)
            for number in ids
            for hundred, name in enumerate_hundreds(HANDLED)
        ],
        [Unrouted(id=EventId(number + 200), type=EventType("unheard_of")) for number in ids],
        [letter(number + 300) for number in ids],
    )


def enumerate_hundreds(names: Iterable[EventType]) -> Iterable[tuple[int, EventType]]:
    """Each name with the hundred that its ids begin at."""
    return ((100 * place, name) for place, name in enumerate(names))


def letter(event_id: int) -> DeadLetter:
    return DeadLetter.of_event(EventId(event_id), GREETED, "decode", InvalidEvent("no"))


def test_the_events_of_a_type_keep_their_order() -> None:
    events = by_type(decoded([3, 1, 2])).items()
    assert {name: [each.id for each in found] for name, found in events} == {
        GREETED: [3, 1, 2],
        PARTED: [103, 101, 102],
    }
    assert by_type(Decoded()) == {}


def test_everything_leaves_by_the_output_it_belongs_to_in_batches_of_the_size() -> None:
    def build(batches: beam.PCollection[Decoded]) -> None:
        routed = batches | "Route" >> RouteByType(HANDLED, 2)
        expect("Greeted", routed[GREETED], [[1, 2], [3], [4]])
        expect("Parted", routed[PARTED], [[101, 102], [103], [104]])
        expect("Unrouted", routed[UNROUTED], [[201, 202], [203], [204]])
        expect("Dead", routed[DEAD], [[301, 302], [303], [304]])

    run([decoded([1, 2, 3]), decoded([4])], build)


def test_a_batch_of_nothing_wakes_no_branch() -> None:
    def build(batches: beam.PCollection[Decoded]) -> None:
        routed = batches | "Route" >> RouteByType(HANDLED, 2)
        for output in (*HANDLED, UNROUTED, DEAD):
            expect(output, routed[output], [])

    run([Decoded()], build)


def test_what_is_unrouted_goes_through_where_nothing_is_handled() -> None:
    def build(batches: beam.PCollection[Decoded]) -> None:
        routed = batches | "Route" >> RouteByType([], 500)
        expect("Unrouted", routed[UNROUTED], [[201]])
        expect("Dead", routed[DEAD], [[301]])

    run([Decoded(unrouted=decoded([1]).unrouted, letters=decoded([1]).letters)], build)


def expect(label: str, found: beam.PCollection[Any], batches: list[list[int]]) -> None:
    """Check which batches of events come out, once the graph runs."""
    numbers = found | f"{label}Ids" >> beam.Map(ids_of)
    assert_that(numbers, equal_to(batches), label=label)


def ids_of(batch: list[Event[Any] | Unrouted | DeadLetter]) -> list[int | None]:
    return [each.event_id if isinstance(each, DeadLetter) else each.id for each in batch]
