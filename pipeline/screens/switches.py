"""The lines that ``pause`` and ``resume`` print."""

from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.domain.units import counted_waiting, moment
from pipeline.jobs.table import JOBS
from pipeline.ops.switches.change import Paused, Resumed
from pipeline.ops.switches.things import is_reaction, waiting_thing
from pipeline.screens.printable import printable

_CATCH_UP = "python -m pipeline catch-up"


def paused_lines(paused: Paused) -> str:
    """Return lines that say since when the type is paused, and how to resume it."""
    already = " already" if paused.before else ""
    reason = f": {printable(paused.reason)}" if paused.reason else ""
    waiting = _waiting(paused.name, paused.waiting)
    return (
        f"{paused.name} is paused{already}, since {moment(paused.since)} by {paused.who}{reason}\n"
        f"{waiting}; to resume: python -m pipeline resume {paused.name}\n"
    )


def resumed_lines(resumed: Resumed) -> str:
    """Return lines that say what held the type back, and how to process the waiting events."""
    name = printable(resumed.name)
    was = {
        None: f"{name} was not paused",
        "open": f"{name} is resumed, its breaker is closed",
    }.get(resumed.was, f"{name} is resumed")
    if resumed.name in JOBS:
        start = "the next tick starts it" if resumed.waiting else "it runs with the next tick"
        return f"{was}; {_waiting(resumed.name, resumed.waiting)}, {start}\n"
    if resumed.name.startswith(MAIL_SWITCH):
        return f"{was}; {_waiting(resumed.name, resumed.waiting)}, the sender goes on\n"
    if is_reaction(resumed.name):
        return f"{was}; {_waiting(resumed.name, resumed.waiting)}, the graph goes on\n"
    if not resumed.waiting:
        return f"{was}; no event of this type waits\n"
    them = "it" if resumed.waiting == 1 else "them"
    waiting = _waiting(resumed.name, resumed.waiting)
    return f"{was}; {waiting}, to process {them}: {_CATCH_UP}\n"


def _waiting(name: str, number: int) -> str:
    return counted_waiting(number, waiting_thing(name))
