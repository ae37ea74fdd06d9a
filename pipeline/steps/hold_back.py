"""Hold back events of a paused type: events in; decided or paused events out."""

from collections.abc import Iterator, Sequence

from pipeline.domain.payload import PayloadT
from pipeline.domain.switch import divide
from pipeline.facts.switches import switches_of
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy, hold_back
from pipeline.fanout.events import Event
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.steps.decide import PAGE_SIZE, decide_in_portions


def decide_or_hold_back(
    settings: DatabaseSettings,
    handler: Handler[PayloadT],
    events: Sequence[Event[PayloadT]],
    policy: Policy,
    *,
    page_size: int = PAGE_SIZE,
    one_page: bool = False,
) -> Iterator[Decided]:
    """Decide events like ``decide_in_portions``, except those that a switch holds back.

    Events that a switch holds back get the status ``paused``.

    Raises:
        TransientError: the switches or the facts could not be read.
        ConfigurationError: they cannot be read until a person fixes it.
    """
    passing, held = divide(switches_of(settings).find(handler.event_type), events)
    if held:
        yield Decided([hold_back(event) for event in held])
    if passing:
        yield from decide_in_portions(
            settings, handler, passing, policy, page_size=page_size, one_page=one_page
        )
