"""The dead letter: one event that could not become what it means, and why."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.errors import PermanentError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import TYPE_ATTRIBUTE, Message
from pipeline.domain.wire import event_id_of

MAX_REASON_CHARACTERS: Final = 1_000
# What tells two causes apart, an SQLSTATE and the line of a bug, is not variable.
_VARIABLE: Final = re.compile(r"0x[0-9a-f]+|(?<!SQLSTATE )(?<!\.py:)\b\d+\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that failed for good at a stage.

    Attributes:
        message: as received.
        stage: the step that gave it up.
        error_class: the name of the error's class.
        reason: what is wrong, in words; never a value of the event.
    """

    message: Message = field(repr=False)
    stage: str
    error_class: str
    reason: str

    @classmethod
    def of(cls, message: Message, stage: str, error: PermanentError) -> "DeadLetter":
        """The letter for an error at a stage."""
        return cls(message, stage, type(error).__name__, str(error)[:MAX_REASON_CHARACTERS])

    @property
    def event_id(self) -> EventId | None:
        """The id the message claims, if it claims one that could exist."""
        return event_id_of(self.message)

    @property
    def event_type(self) -> str | None:
        """The type the message claims."""
        return self.message.attributes.get(TYPE_ATTRIBUTE)

    @property
    def key(self) -> str:
        """What makes two letters one: the event, or else the message itself."""
        if self.event_id is not None:
            return f"event:{self.event_id}"
        return f"sha256:{self.message.digest}"

    @property
    def fingerprint(self) -> str:
        """The same for letters with one cause: stage, class and reason, numbers aside."""
        cause = f"{self.stage}|{self.error_class}|{_VARIABLE.sub('#', self.reason)}"
        return hashlib.sha256(cause.encode()).hexdigest()[:12]
