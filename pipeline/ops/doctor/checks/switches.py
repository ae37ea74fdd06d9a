"""Check of the switches: event types that are held back, perhaps forgotten."""

from collections.abc import Mapping
from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.sql import load
from pipeline.domain.units import counted, counted_waiting, duration
from pipeline.ops.doctor.check import Check, Finding, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.installed import lacks_fanout
from pipeline.ops.status.figures import SwitchSeen
from pipeline.ops.status.read import read_switches
from pipeline.ops.switches.things import EVENT, waiting_thing

# A pause that is longer may be forgotten.
LONG_SECONDS: Final = 86_400

_RESUMED_WAITING: Final = load("pipeline.ops.doctor", "resumed_waiting")


def judge_switches(switches: Mapping[str, SwitchSeen], resumed_waiting: int) -> Finding:
    """Judge whether a person must look at the event types that are held back.

    Args:
        switches: the event types that are held back now.
        resumed_waiting: the number of events that still wait after their type was resumed.
    """
    seen, fixes = [], []
    for name, switch in switches.items():
        waiting = ""
        if waiting_thing(name) == EVENT:
            waiting = f", {counted_waiting(switch.waiting, EVENT)}"
        since = duration(switch.since_seconds)
        if switch.until_seconds is not None:
            seen.append(f"the breaker of {name} is open for {since}{waiting}")
            fixes.append(f"fix the cause, then: python -m pipeline resume {name}")
        elif switch.since_seconds >= LONG_SECONDS:
            seen.append(f"{name} is paused for {since} by {switch.who}{waiting}")
            fixes.append(f"if it may go on: python -m pipeline resume {name}")
    if resumed_waiting:
        one = resumed_waiting == 1
        words = "waits although its type was" if one else "wait although their types were"
        seen.append(f"{counted(resumed_waiting, 'event')} {words} resumed")
        fixes.append("python -m pipeline catch-up")
    if seen:
        return warning("; ".join(seen), "; ".join(fixes))
    if switches:
        return ok("; ".join(f"{name} is paused" for name in switches))
    return ok("no event type or job is paused")


def _switches(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        switches = read_switches(connection)
    if lacks_fanout(connection):
        return judge_switches(switches, resumed_waiting=0)
    [row] = installation.rows(_RESUMED_WAITING)
    return judge_switches(switches, row.events)


CHECKS: Final = (Check("switches", "fanout.switches", _switches),)
