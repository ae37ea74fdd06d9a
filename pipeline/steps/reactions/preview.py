"""What a run would do with events now: reads them and the ledger, and claims nothing."""

import threading
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.lease import Lease, Settlement
from pipeline.steps.reactions.react import UNKNOWN_EVENT, react
from pipeline.steps.reactions.reactor import Reactor

_DUE: Final = load(__package__, "due_events")
_NO_TOKEN: Final = UUID(int=0)


class ReactionPreview:
    """Tells of each due event once per process. Thread-safe."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._lock = threading.Lock()
        self._told: set[UUID] = set()

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each event that is due now, without its payload."""
        with self._lock:
            leases = with_connection(self._reactor.database, self._read)
            new = [each for each in leases if each.values["event_id"] not in self._told]
            self._told.update(each.values["event_id"] for each in new)
        for each in react(self._reactor, new):
            would = _would(each)
            if each.cause is not None and each.cause.error_class == UNKNOWN_EVENT:
                would["status"] = "unrouted"
            yield {**_about(each.lease), **would}

    def _read(self, connection: Connection[Any]) -> list[Lease]:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_DUE, {"most": BATCH_SIZE}).fetchall()
        return [
            Lease(
                sequence=row.pop("sequence"),
                token=_NO_TOKEN,
                number=row.pop("attempts") + 1,
                failures=row.pop("failures"),
                due_at=row.pop("due_at"),
                values=row,
            )
            for row in rows
        ]


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
