"""The dead letter: a row or a message that failed for good, and why."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.errors import PermanentError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, event_id_of
from pipeline.domain.record import EVENTS, RecordKey

MAX_REASON_CHARACTERS: Final = 1_000
# What tells two causes apart, an SQLSTATE and the line of a bug, is not variable.
_VARIABLE: Final = re.compile(r"0x[0-9a-f]+|(?<!SQLSTATE )(?<!\.py:)\b\d+\b", re.IGNORECASE)


def without_numbers(reason: str) -> str:
    """The reason with ``#`` for every number in which letters of one cause may differ."""
    return _VARIABLE.sub("#", reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One row of any table, or one message that names none, that failed for good at a stage.

    Attributes:
        record: the row; None for a message that names none.
        event_type: what the row says; None where there is no row.
        stage: the step that gave it up.
        error_class: the name of the error's class.
        reason: what is wrong, in words; never a value of the row.
        message: as received; only where no row exists to look at instead.
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
        """The letter for a row of ``domain_events``."""
        return cls.of_record(_event(event_id), event_type, stage, error)

    @classmethod
    def of_record(
        cls, record: RecordKey, event_type: str | None, stage: str, error: PermanentError
    ) -> "DeadLetter":
        """The letter for a row that is there."""
        return cls(
            record=record,
            event_type=event_type,
            stage=stage,
            error_class=type(error).__name__,
            reason=str(error)[:MAX_REASON_CHARACTERS],
        )

    @classmethod
    def of_message(cls, message: Message, stage: str, error: PermanentError) -> "DeadLetter":
        """The letter for a message without a row."""
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
        """The row's id, where it is one of ``domain_events``."""
        if self.record is None or self.record.source != EVENTS:
            return None
        return EventId(int(self.record.id))

    @property
    def key(self) -> str:
        """What makes two letters one: the row, or else the message itself."""
        if self.event_id is not None:
            return f"event:{self.event_id}"
        if self.record is not None:
            return str(self.record)
        digest = self.message.digest if self.message is not None else ""
        return f"sha256:{digest}"

    @property
    def fingerprint(self) -> str:
        """The same for letters with one cause: stage, class and reason, numbers aside."""
        cause = f"{self.stage}|{self.error_class}|{without_numbers(self.reason)}"
        return hashlib.sha256(cause.encode()).hexdigest()[:12]


def _event(event_id: EventId) -> RecordKey:
    return RecordKey(EVENTS, str(event_id))
