"""The wake-up: it says which row of ``domain_events`` to look at, and nothing more."""

from dataclasses import dataclass, field

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, event_id_of


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Says which row to look at. Everything else follows from the row.

    Attributes:
        event_id: the row's id; None if the message has no valid id, as a tick has none.
        message: the message; None if the wake-up comes from the ledger.
        receipt: the source acknowledges the message with it; None if there is nothing to
            acknowledge.
        waited: we already waited for the row: if it is still missing, it counts as deleted.
        tries: how often the event could not be written because a row that it needs was locked.
    """

    event_id: EventId | None
    message: Message | None = field(default=None, repr=False)
    receipt: str | None = field(default=None, repr=False)
    waited: bool = False
    tries: int = 0

    @classmethod
    def of(cls, message: Message, receipt: str | None = None) -> "WakeUp":
        """Make the wake-up of a message."""
        return cls(event_id_of(message), message, receipt)
