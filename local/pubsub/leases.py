"""Leases: each records a leased message and its deadline."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from local.pubsub.messages import Message

_COMPACT_ABOVE = 1_024


@dataclass(slots=True)
class _Lease:
    message: Message
    deadline: float


class Leases:
    """The outstanding leases of one subscription.

    Granting, extending and releasing cost O(log n), expiring O(log n) per expired lease; memory
    stays proportional to what is outstanding. Not thread-safe: the subscription holds the lock.

    Args:
        new_ack_id: returns a new id on each call.
    """

    def __init__(self, new_ack_id: Callable[[], str]) -> None:
        self._new_ack_id = new_ack_id
        self._leases: dict[str, _Lease] = {}
        self._deadlines: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._leases)

    @property
    def deadline_entries(self) -> int:
        """Count the stored deadlines, including those of ended leases."""
        return len(self._deadlines)

    def grant(self, message: Message, deadline: float) -> str:
        """Lease a message until ``deadline`` and return the lease's ack id."""
        ack_id = self._new_ack_id()
        self._leases[ack_id] = _Lease(message, deadline)
        heapq.heappush(self._deadlines, (deadline, ack_id))
        return ack_id

    def extend(self, ack_id: str, deadline: float) -> None:
        """Move the deadline of a lease, forward or back; an ended lease stays ended."""
        lease = self._leases.get(ack_id)
        if lease is not None:
            lease.deadline = deadline
            heapq.heappush(self._deadlines, (deadline, ack_id))
            self._compact()

    def release(self, ack_id: str) -> Message | None:
        """End a lease and return its message; return None if it had already ended."""
        lease = self._leases.pop(ack_id, None)
        if lease is None:
            return None
        self._compact()
        return lease.message

    def expire(self, now: float) -> list[Message]:
        """End every lease whose deadline has passed and return the messages."""
        expired = []
        while self._deadlines and self._deadlines[0][0] <= now:
            entry = heapq.heappop(self._deadlines)
            if self._is_current(entry):
                expired.append(self._leases.pop(entry[1]).message)
        return expired

    def next_deadline(self) -> float | None:
        """The earliest deadline, or None if no message is leased."""
        while self._deadlines and not self._is_current(self._deadlines[0]):
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def _is_current(self, entry: tuple[float, str]) -> bool:
        deadline, ack_id = entry
        lease = self._leases.get(ack_id)
        return lease is not None and lease.deadline == deadline

    def _compact(self) -> None:
        # Entries of released leases stay until their deadline, which can be ten minutes away.
        if len(self._deadlines) > 2 * len(self._leases) + _COMPACT_ABOVE:
            self._deadlines = [(lease.deadline, id_) for id_, lease in self._leases.items()]
            heapq.heapify(self._deadlines)
