"""The deliveries that a run would claim now, for a dry run, and what it says of each."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import Lease, Settlement
from pipeline.settings import DatabaseSettings
from pipeline.steps.due_records import DueRecords

# Of a page.
MOST_DUE: Final = 100

_DUE: Final = load(__package__, "due_deliveries")


def due_deliveries(settings: DatabaseSettings, *, most: int = MOST_DUE) -> DueRecords:
    """Return the deliveries that are due. Its ``new`` takes ``channels``, a list of names."""
    return DueRecords(settings, _DUE, most=most)


def about(lease: Lease) -> dict[str, Any]:
    """Return which delivery it is, without an address, a token or a text."""
    values = lease.values
    return {
        "delivery": str(values["id"]),
        "cause": values["cause"],
        "channel": values["channel"],
        "kind": values["kind"],
        "user": None if values["user_id"] is None else str(values["user_id"]),
    }


def sent() -> Mapping[str, Any]:
    """Return what is said of a delivery that would be sent."""
    return {"would": "send", "reason": None}


def ended(settlement: Settlement) -> Mapping[str, Any]:
    """Return what is said of a delivery that would not be sent."""
    return {"would": settlement.state, "reason": settlement.cause and settlement.cause.reason}
