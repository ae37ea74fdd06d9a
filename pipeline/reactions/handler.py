"""The extension point: what follows from the events of one type."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload, PayloadT
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question
from pipeline.reactions.outcome import ReactionOutcome


class ReactionHandler(ABC, Generic[PayloadT]):
    """Decides what follows from the events of one type.

    A handler is pure: the same event and answers always lead to the same outcome. It uses no clock,
    no randomness and no I/O.

    Attributes:
        event_type: the event type, as in the database.
        payload: the model of its payload.
    """

    event_type: ClassVar[EventType]
    payload: ClassVar[type[Payload]]

    def questions(self, event: ReactionEvent[PayloadT]) -> Iterable[Question]:  # noqa: ARG002
        """Return what it needs to know. Default: nothing."""
        return ()

    @abstractmethod
    def react(self, event: ReactionEvent[PayloadT], answers: Answers) -> ReactionOutcome:
        """Return what follows from the event. Called once for each try."""
