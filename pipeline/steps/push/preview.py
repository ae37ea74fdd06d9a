"""What a run would push now: reads the ledger and claims nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.lease import Lease
from pipeline.push.fallback import Missed
from pipeline.steps.push.channel import Found, PushChannel, ToSend
from pipeline.steps.push.channels import channels_on
from pipeline.steps.push.sender import PushSender
from pipeline.steps.sending.doors import Doors
from pipeline.steps.sending.due_deliveries import MOST_DUE, about, due_deliveries, ended, sent


class DuePushPreview:
    """Tells of each due delivery once per process. Thread-safe."""

    def __init__(self, sender: PushSender, *, most: int = MOST_DUE) -> None:
        self._sender = sender
        self._channels = {each.name: each for each in channels_on(sender)}
        self._due = due_deliveries(sender.database, most=most)

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each delivery that is due now, without its text or token."""
        by_channel: defaultdict[str, list[Lease]] = defaultdict(list)
        for lease in self._due.new(channels=list(self._channels)):
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
            yield {**about(lease), **_would(lease, found[lease.sequence])}


def _would(lease: Lease, found: Found) -> Mapping[str, Any]:
    match found:
        case ToSend():
            return sent()
        case Missed(words=words):
            return {"would": "fall back", "reason": words}
        case _:
            return ended(found.settlement(lease))


@cache
def push_preview_of(sender: PushSender) -> DuePushPreview:
    """Return the one preview of the process for this sender."""
    return DuePushPreview(sender)
