"""What a run would push now: reads the ledger and claims nothing."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import Lease
from pipeline.push.fallback import Missed
from pipeline.steps.due_records import DueRecords
from pipeline.steps.push.channel import Found, PushChannel, ToSend
from pipeline.steps.push.channels import channels_on
from pipeline.steps.push.sender import MOST_CLAIMED, PushSender
from pipeline.steps.sending.doors import Doors

_DUE: Final = load(__package__, "due_pushes")


class DuePushPreview:
    """Tells of each due delivery once per process. Thread-safe."""

    def __init__(self, sender: PushSender) -> None:
        self._sender = sender
        self._channels = {each.name: each for each in channels_on(sender)}
        self._due = DueRecords(sender.database, _DUE)

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each delivery that is due now, without its text or token."""
        by_channel: defaultdict[str, list[Lease]] = defaultdict(list)
        for lease in self._due.new(channels=list(self._channels), most=MOST_CLAIMED):
            by_channel[lease.values["channel"]].append(lease)
        for name, channel in self._channels.items():
            if some := by_channel[name]:
                yield from self._described(channel, some)

    def _described(self, channel: PushChannel, leases: list[Lease]) -> Iterator[dict[str, Any]]:
        doors = Doors(open=list(channel.rates(self._sender)))
        found = with_connection(
            self._sender.database,
            lambda connection: channel.find(self._sender, connection, leases, doors),
        )
        for lease in leases:
            yield {**_about(lease), **_would(lease, found[lease.sequence])}


def _about(lease: Lease) -> dict[str, Any]:
    values = lease.values
    return {
        "delivery": str(values["id"]),
        "cause": values["cause"],
        "channel": values["channel"],
        "kind": values["kind"],
        "user": None if values["user_id"] is None else str(values["user_id"]),
    }


def _would(lease: Lease, found: Found) -> dict[str, Any]:
    match found:
        case ToSend():
            return {"would": "send", "reason": None}
        case Missed(words=words):
            return {"would": "fall back", "reason": words}
        case _:
            settlement = found.settlement(lease)
            reason = settlement.cause and settlement.cause.reason
            return {"would": settlement.state, "reason": reason}


@cache
def push_preview_of(sender: PushSender) -> DuePushPreview:
    """Return the one preview of the process for this sender."""
    return DuePushPreview(sender)
