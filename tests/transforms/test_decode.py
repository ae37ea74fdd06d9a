from collections.abc import Iterable
from typing import Any, Final

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.typehints.decorators import TypeCheckError

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import MissingAttribute
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.payload import Payload
from pipeline.fanout.batches import Decoded, Fetched
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import Row, row_of
from pipeline.steps.decode import decode_batch
from pipeline.transforms.decode import Decode
from pipeline.transforms.outputs import DEAD, EVENTS, UNROUTED, Outputs
from tests.builders import GREETED, NOON, Greeted, message
from tests.transforms.graphs import run

PAYLOADS: Final = {GREETED: Greeted}
CANARY: Final = "kanarienvogel"


class Parted(Payload):
    """The payload of another event type."""


def greeting(event_id: int, text: object = "hello", *, of: str = GREETED) -> Row:
    """Return the row of a greeting, or of another type with the same payload."""
    return row_of(EventId(event_id), Greeted, EventType(of), {"greeting": text}, NOON)


GOOD: Final = greeting(1)
UNKNOWN: Final = greeting(2, of="unheard_of")
BAD: Final = greeting(3, [CANARY])
NAMELESS: Final = DeadLetter.of_message(
    message(event_id=None), "fetch", MissingAttribute("the attribute 'id' is missing")
)


def ids(decoded: Decoded) -> tuple[list[int], list[int], list[int | None]]:
    """Return the events, the unrouted events and the dead letters."""
    return (
        [each.id for each in decoded.events],
        [each.id for each in decoded.unrouted],
        [each.event_id for each in decoded.letters],
    )


def test_a_row_is_an_event_or_unrouted_or_a_dead_letter() -> None:
    assert ids(decode_batch([GOOD, UNKNOWN, BAD], PAYLOADS)) == ([1], [2], [3])


def test_a_malformed_row_costs_its_neighbours_nothing_whatever_their_order() -> None:
    rows = [greeting(number, [] if number % 3 == 0 else "hi") for number in range(9, 0, -1)]
    assert ids(decode_batch(rows, PAYLOADS)) == ([8, 7, 5, 4, 2, 1], [], [9, 6, 3])


def test_a_dead_letter_names_the_step_and_the_type_and_quotes_nothing() -> None:
    (letter,) = decode_batch([BAD], PAYLOADS).letters
    assert (letter.event_id, letter.event_type) == (3, GREETED)
    assert (letter.stage, letter.error_class) == ("decode", "InvalidEvent")
    assert letter.reason == "payload: greeting: a string is needed"
    assert letter.message is None


def test_a_row_without_a_type_is_a_dead_letter_without_one() -> None:
    (letter,) = decode_batch([Row(EventId(1), None, 0)], PAYLOADS).letters
    assert (letter.event_id, letter.event_type, letter.error_class) == (1, None, "InvalidEvent")


def test_where_nothing_is_handled_every_row_is_unrouted() -> None:
    assert ids(decode_batch([GOOD, UNKNOWN, BAD], {})) == ([], [1, 2, 3], [])


def test_events_unrouted_events_and_letters_leave_by_outputs_of_their_own() -> None:
    def build(fetched: beam.PCollection[Fetched]) -> None:
        decoded = fetched | "Decode" >> Decode(PAYLOADS, 2)
        expect(decoded, EVENTS, [[1]])
        expect(decoded, UNROUTED, [[2]])
        expect(decoded, DEAD, [[None, 3], [None, None], [None]])

    batches: Iterable[Fetched] = [
        Fetched([GOOD, UNKNOWN, BAD], [NAMELESS]),
        Fetched(letters=[NAMELESS] * 3),
    ]
    run(batches, build)


@pytest.mark.parametrize("wrong", [list[Unrouted], list[DeadLetter], list[Event[Parted]]])
def test_control_a_step_that_takes_something_else_is_refused(wrong: Any) -> None:  # noqa: ANN401 - a type hint has no type
    def build(fetched: beam.PCollection[Fetched]) -> None:
        decoded = fetched | "Decode" >> Decode(PAYLOADS, 2)
        decoded[EVENTS] | "Take" >> beam.Map(len).with_input_types(wrong)

    with pytest.raises(TypeCheckError):
        run([], build)


def expect(decoded: Outputs, output: str, batches: list[list[int | None]]) -> None:
    """Check the batches of an output, once the graph runs."""
    numbers = decoded[output] | f"{output}Ids" >> beam.Map(ids_of)
    assert_that(numbers, equal_to(batches), label=output)


def ids_of(batch: Any) -> list[int | None]:  # noqa: ANN401 - of any output
    return [each.event_id if isinstance(each, DeadLetter) else each.id for each in batch]
