"""What is told: claimed deliveries in, the rows behind them out, or why they are not sent.

A table that pushes come from joins by one entry in ``READERS``. The row is read anew at each try.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import Lease
from pipeline.push.text import plain_text

ACTIVITY: Final = "activity.notifications"

_NOTIFICATIONS: Final = load(__package__, "notifications")
_ACTIVITY: Final = load(__package__, "activity")
_BROADCASTS: Final = load(__package__, "broadcasts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushText:
    """What a row tells.

    Attributes:
        title: in plain text.
        body: in plain text.
        link: where it leads: a path of the application, or an address. None: nowhere.
        badge: how many the person has not read; None: unknown.
    """

    title: str = field(repr=False)
    body: str = field(repr=False)
    link: str | None = field(repr=False)
    badge: int | None


# For each delivery, by the id of its source: what it tells, or a word that says why it is not sent.
TextOrNot = Mapping[str, "PushText | str"]
SourceReader = Callable[[Connection[Any], Sequence[Lease]], TextOrNot]


def read_told(connection: Connection[Any], leases: Iterable[Lease]) -> Mapping[int, PushText | str]:
    """Read what claimed deliveries tell, by sequence. One statement for each source."""
    found: dict[int, PushText | str] = {}
    by_source: defaultdict[str | None, list[Lease]] = defaultdict(list)
    for lease in leases:
        by_source[lease.values["source"]].append(lease)
    for source, some in by_source.items():
        reader = READERS.get(source or "")
        read = {} if reader is None else reader(connection, some)
        for lease in some:
            found[lease.sequence] = read.get(lease.values["source_id"], "gone")
    return found


def read_notifications(connection: Connection[Any], leases: Sequence[Lease]) -> TextOrNot:
    """Read rows of ``notifications``: what the fan-out told in the app."""
    parameters = {
        "ids": list({int(each.values["source_id"]) for each in leases}),
        "with_badges": any(each.values["channel"] != DeliveryChannel.BUS for each in leases),
    }
    return {
        str(id_): "read"
        if is_read
        else PushText(
            title=plain_text(title), body=plain_text(body or ""), link=link or None, badge=badge
        )
        for id_, title, body, link, is_read, badge in connection.execute(_NOTIFICATIONS, parameters)
    }


def read_activity(connection: Connection[Any], leases: Sequence[Lease]) -> TextOrNot:
    """Read rows of ``activity.notifications``: what any service told."""
    ids = list({UUID(each.values["source_id"]) for each in leases})
    return {
        str(id_): PushText(title=title, body=message, link=link, badge=None)
        for id_, title, message, link in connection.execute(_ACTIVITY, {"ids": ids})
    }


def read_broadcasts(connection: Connection[Any], leases: Sequence[Lease]) -> TextOrNot:
    """Read rows of ``fanout.broadcasts``: what many are told at once."""
    ids = list({UUID(each.values["source_id"]) for each in leases})
    return {
        str(id_): PushText(title=title, body=body, link=link, badge=None)
        for id_, title, body, link in connection.execute(_BROADCASTS, {"ids": ids})
    }


READERS: Final[Mapping[str, SourceReader]] = {
    "notifications": read_notifications,
    ACTIVITY: read_activity,
    "broadcasts": read_broadcasts,
}
