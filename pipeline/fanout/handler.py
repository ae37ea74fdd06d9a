"""The extension point: a handler says what follows from one type of event."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic

from pipeline.domain.identifiers import EventType, ProjectId, ResourceId, UserId
from pipeline.domain.payload import Payload, PayloadT
from pipeline.fanout.audience import Audience
from pipeline.fanout.effects import Channel, Effect
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.preferences import Preference


class Handler(ABC, Generic[PayloadT]):
    """What follows from one type of event.

    A handler is pure: the same event and facts give the same effects; it has no clock, no
    chance and no I/O. Who is excluded or lacks access is settled before ``decide`` is asked, who
    has muted what after it.

    Attributes:
        event_type: the event type, as the database spells it.
        payload: the model of its payload.
        channels: the channels it can use; a candidate who gets nothing on one has it recorded.
        preference: the name and scope under which people mute it.
    """

    event_type: ClassVar[EventType]
    payload: ClassVar[type[Payload]]
    channels: ClassVar[tuple[Channel, ...]]
    preference: ClassVar[Preference]

    @abstractmethod
    def audience(self, event: Event[PayloadT]) -> Audience:
        """Who may hear of the event."""

    @abstractmethod
    def decide(self, event: Event[PayloadT], person: Person, facts: Facts) -> Iterable[Effect]:
        """What one person of the audience gets."""

    def excluded_user(self, event: Event[PayloadT]) -> UserId | None:  # noqa: ARG002 - for overriding
        """Who caused the event and needs not be told; by default nobody is left out."""
        return None

    def preference_project_id(
        self,
        event: Event[PayloadT],  # noqa: ARG002 - for overriding
        facts: Facts,  # noqa: ARG002
        project_id: ProjectId | None,
    ) -> ProjectId | None:
        """The project whose preferences apply; by default the one the event belongs to.

        Args:
            event: the event.
            facts: of its batch.
            project_id: what ``project_id`` answered.
        """
        return project_id

    def project_id(self, event: Event[PayloadT]) -> ProjectId | None:
        """The project the event belongs to; override where the payload may name it."""
        return event.project_id

    def resource_id(self, event: Event[PayloadT]) -> ResourceId | None:
        """The document the event is about; override where the payload may name it."""
        return event.resource_id
