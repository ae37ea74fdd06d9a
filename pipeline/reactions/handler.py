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
        in_order: whether events of one aggregate are processed one after another, by their
            sequence: the next one when the one before it is done or dead. It is the order of all
            types of the aggregate that ask for it. An event without an ``aggregate_id`` has none.
        one_at_a_time: a key of the payload, as in the JSON: events of this type with the same
            value are never processed at the same time. A missing value is a value too. What waits
            for a retry holds up no other.
    """

    event_type: ClassVar[EventType]
    payload: ClassVar[type[Payload]]
    in_order: ClassVar[bool] = False
    one_at_a_time: ClassVar[str | None] = None

    def wants(self, event: ReactionEvent[PayloadT]) -> bool:  # noqa: ARG002
        """Return whether anything can follow. False: the event is done, with nothing. Default: yes.

        It is the condition under which the type is of interest, such as a key of the payload.
        """
        return True

    def questions(self, event: ReactionEvent[PayloadT]) -> Iterable[Question]:  # noqa: ARG002
        """Return what it needs to know. Default: nothing."""
        return ()

    @abstractmethod
    def react(self, event: ReactionEvent[PayloadT], answers: Answers) -> ReactionOutcome:
        """Return what follows from the event. Called once for each try."""
