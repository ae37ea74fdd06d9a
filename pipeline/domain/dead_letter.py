"""The dead letter: a row or a message that failed permanently, and the reason."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.errors import PermanentError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, event_id_of
from pipeline.domain.record import EVENTS, RecordKey

MAX_REASON_CHARACTERS: Final = 1_000
# An SQLSTATE and a line number of a bug stay: they tell two causes apart.
_VARIABLE: Final = re.compile(r"0x[0-9a-f]+|(?<!SQLSTATE )(?<!\.py:)\b\d+\b", re.IGNORECASE)


def without_numbers(reason: str) -> str:
    """Replace the numbers that may differ between dead letters of one cause with ``#``."""
    return _VARIABLE.sub("#", reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A row of any table, or a message that names no row, that failed permanently at a stage.

    Attributes:
        record: the row; None for a message that names no row.
        event_type: the type in the row; None if there is no row.
        stage: the step that failed.
        error_class: the name of the error's class.
        reason: what is wrong; never contains a value of the row.
        message: the message as received; only if there is no row to look at.
    """

    record: RecordKey | None
    event_type: str | None = None
    stage: str
    error_class: str
    reason: str
    message: Message | None = field(default=None, repr=False)

    @classmethod
    def of_event(
        cls, event_id: EventId, event_type: str | None, stage: str, error: PermanentError
    ) -> "DeadLetter":
        """Make the dead letter of a row of ``domain_events``."""
        return cls.of_record(_event(event_id), event_type, stage, error)

    @classmethod
    def of_record(
        cls, record: RecordKey, event_type: str | None, stage: str, error: PermanentError
    ) -> "DeadLetter":
        """Make the dead letter of an existing row."""
        return cls(
            record=record,
            event_type=event_type,
            stage=stage,
            error_class=type(error).__name__,
            reason=str(error)[:MAX_REASON_CHARACTERS],
        )

    @classmethod
    def of_message(cls, message: Message, stage: str, error: PermanentError) -> "DeadLetter":
        """Make the dead letter of a message without a row."""
        event_id = event_id_of(message)
        return cls(
            record=None if event_id is None else _event(event_id),
            stage=stage,
            error_class=type(error).__name__,
            reason=str(error)[:MAX_REASON_CHARACTERS],
            message=message,
        )

    @property
    def event_id(self) -> EventId | None:
        """The id of the row if its table is ``domain_events``; otherwise None."""
        if self.record is None or self.record.source != EVENTS:
            return None
        return EventId(int(self.record.id))

    @property
    def key(self) -> str:
        """The identity of the dead letter: the row, or the digest of a message without a row."""
        if self.event_id is not None:
            return f"event:{self.event_id}"
        if self.record is not None:
            return str(self.record)
        digest = self.message.digest if self.message is not None else ""
        return f"sha256:{digest}"

    @property
    def fingerprint(self) -> str:
        """The hash of the cause: stage, class, and reason without its numbers."""
        cause = f"{self.stage}|{self.error_class}|{without_numbers(self.reason)}"
        return hashlib.sha256(cause.encode()).hexdigest()[:12]


def _event(event_id: EventId) -> RecordKey:
    return RecordKey(EVENTS, str(event_id))
