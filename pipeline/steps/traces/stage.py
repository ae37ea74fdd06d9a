"""A stage of a batch, while it is recorded: what became of its events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.identifiers import EventId
from pipeline.steps.traces.names import ERROR, FINGERPRINT

Attributes = dict[str, str | int]


class HasLetters(Protocol):
    """The result of a stage, with a dead letter for each event that failed."""

    @property
    def letters(self) -> Sequence[DeadLetter]:
        """The dead letters."""
        ...


@dataclass(slots=True)
class Stage:
    """What became of the events of a stage, beside those that went well.

    Attributes:
        errors: the attributes of the events that failed.
        outcomes: what to say of other events.
    """

    errors: dict[EventId, Attributes] = field(default_factory=dict)
    outcomes: dict[EventId, str] = field(default_factory=dict)

    def bury(self, letters: Iterable[DeadLetter]) -> None:
        """Add the events of dead letters."""
        for letter in letters:
            if letter.event_id is not None:
                self.errors[letter.event_id] = cause(letter)

    def fail(self, ids: Iterable[EventId], error_class: str) -> None:
        """Add events that are retried after an error."""
        self.errors.update((each, {ERROR: error_class}) for each in ids)


def cause(letter: DeadLetter) -> Attributes:
    """Return the cause of a dead letter, without its text."""
    return {ERROR: letter.error_class, FINGERPRINT: letter.fingerprint}


def named(letters: Iterable[DeadLetter]) -> Iterator[EventId]:
    """Return the events that dead letters are about."""
    return (each.event_id for each in letters if each.event_id is not None)
