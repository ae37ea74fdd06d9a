"""What a run would do with events now: reads them and the ledger, and claims nothing."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.lease import Lease, Settlement
from pipeline.steps.due_records import DueRecords
from pipeline.steps.reactions.react import react
from pipeline.steps.reactions.reactor import Reactor

_DUE: Final = load(__package__, "due_events")


class ReactionPreview:
    """Tells of each due event once per process. Thread-safe."""

    def __init__(self, reactor: Reactor, *, most: int = BATCH_SIZE) -> None:
        self._reactor = reactor
        self._due = DueRecords(reactor.database, _DUE, most=most, key=_event_id)

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each event that is due now, without its payload."""
        for each in react(self._reactor, self._due.new()):
            yield {**_about(each.lease), **_would(each)}


def _event_id(lease: Lease) -> object:
    return lease.values["event_id"]


def _about(lease: Lease) -> dict[str, Any]:
    return {name: lease.values[name] for name in ("event_id", "event_type")}


def _would(settlement: Settlement) -> dict[str, Any]:
    effects = Counter(each["kind"] for each in settlement.values.get("effects", ()))
    cause = settlement.cause
    return {
        "status": settlement.state,
        "reason": cause and ": ".join(filter(None, (cause.error_class, cause.reason))),
        "effects": dict(sorted(effects.items())),
    }


@cache
def reaction_preview_of(reactor: Reactor) -> ReactionPreview:
    """Return the one ``ReactionPreview`` of the process for this reactor."""
    return ReactionPreview(reactor)
