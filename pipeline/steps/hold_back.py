"""Hold back: events of one type in; those that may go on out, the others as paused."""

from collections.abc import Iterator, Sequence

from pipeline.domain.payload import PayloadT
from pipeline.domain.switch import divide
from pipeline.facts.switches import switches_of
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy, hold_back
from pipeline.fanout.events import Event
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.steps.decide import MOST_RECIPIENTS, decide_in_turn


def decide_what_may_go_on(
    settings: DatabaseSettings,
    handler: Handler[PayloadT],
    events: Sequence[Event[PayloadT]],
    policy: Policy,
    *,
    page_size: int = MOST_RECIPIENTS,
    one_page: bool = False,
) -> Iterator[Decided]:
    """As ``decide_in_turn``; but events that a switch holds back are recorded as paused.

    Raises:
        TransientError: the switches or the facts could not be read.
        ConfigurationError: they cannot be read.
    """
    passing, held = divide(switches_of(settings).find(handler.event_type), events)
    if held:
        yield Decided([hold_back(event) for event in held])
    if passing:
        yield from decide_in_turn(
            settings, handler, passing, policy, page_size=page_size, one_page=one_page
        )
