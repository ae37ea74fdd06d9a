"""The ids of a record's trace. Every process derives the same ids, so no message carries them."""

import hashlib
from dataclasses import dataclass

from pipeline.domain.record import RecordKey


@dataclass(frozen=True, slots=True)
class TraceIds:
    """The ids of one trace, as OpenTelemetry wants them.

    Attributes:
        trace: the trace: 128 bits.
        root: the span from the record's commit to its result: 64 bits.
    """

    trace: int
    root: int

    def replay(self, name: str) -> int:
        """Return the id of the span of a replay."""
        digest = hashlib.sha256(f"{self.trace:032x}|{name}".encode()).digest()
        return int.from_bytes(digest[:8])


def trace_of(record: RecordKey, created_at: int | None) -> TraceIds:
    """Return the ids of the trace of a record.

    The time tells records apart that have one key: in two databases, or after a sequence restarted.

    Args:
        record: the row.
        created_at: its time in microseconds since 1970; None if it is unknown or not finite.
    """
    digest = hashlib.sha256(f"{record}|{created_at}".encode()).digest()
    return TraceIds(int.from_bytes(digest[:16]), int.from_bytes(digest[16:24]))
