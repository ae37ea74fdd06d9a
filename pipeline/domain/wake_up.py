"""The wake-up: a reason to look at one row of ``domain_events``, and nothing more."""

from dataclasses import dataclass, field

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, event_id_of


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Says that a row is there; what is to be done follows from the row alone.

    Attributes:
        event_id: the row's id; None where the message names none that could exist.
        message: what brought it; None where the ledger was looked at instead.
        receipt: by which the source acknowledges the message; None where nobody waits for that.
        waited: the row has been waited for already: unseen now, it counts as gone.
        tries: how often its event could not be written, since it needs a row that is locked.
    """

    event_id: EventId | None
    message: Message | None = field(default=None, repr=False)
    receipt: str | None = field(default=None, repr=False)
    waited: bool = False
    tries: int = 0

    @classmethod
    def of(cls, message: Message, receipt: str | None = None) -> "WakeUp":
        """What a message wakes."""
        return cls(event_id_of(message), message, receipt)
