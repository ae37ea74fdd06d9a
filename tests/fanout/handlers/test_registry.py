import pytest

from pipeline.fanout.events import Event
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers.registry import register
from tests.builders import GREETED, Greeted, GreetedHandler


class GreetedAgainHandler(GreetedHandler):
    """A handler with the event type of another one."""


def test_the_table_maps_a_type_to_its_handler() -> None:
    handler = GreetedHandler()
    assert dict(register([handler])) == {GREETED: handler}


def test_two_handlers_cannot_claim_one_event_type() -> None:
    claimed = "greeted is used twice, by GreetedHandler and GreetedAgainHandler"
    with pytest.raises(ValueError, match=claimed):
        register([GreetedHandler(), GreetedAgainHandler()])


def test_the_table_cannot_be_changed() -> None:
    table = register([GreetedHandler()])
    with pytest.raises(TypeError):
        table[GREETED] = GreetedAgainHandler()  # type: ignore[index]


def test_a_handler_without_decide_cannot_be_made() -> None:
    class Unfinished(Handler[Greeted]):
        def audience(self, event: Event[Greeted]) -> None:  # type: ignore[override]
            """The audience."""

    with pytest.raises(TypeError, match="decide"):
        Unfinished()  # type: ignore[abstract]
