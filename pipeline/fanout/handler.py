"""The extension point: a handler decides the effects of one event type."""

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
    """Decides the effects of one event type.

    A handler is pure: the same event and facts always lead to the same effects. It uses no clock,
    no randomness and no I/O. ``decide`` is not called for people who are excluded or lack access.
    Muted effects are removed after ``decide``.

    Attributes:
        event_type: the event type, as in the database.
        payload: the model of its payload.
        channels: the channels that it can use. A candidate who gets nothing on one gets a skip.
        preference: the name and scope under which people mute the event type.
    """

    event_type: ClassVar[EventType]
    payload: ClassVar[type[Payload]]
    channels: ClassVar[tuple[Channel, ...]]
    preference: ClassVar[Preference]

    @abstractmethod
    def audience(self, event: Event[PayloadT]) -> Audience:
        """Return the people who may be notified of the event."""

    @abstractmethod
    def decide(self, event: Event[PayloadT], person: Person, facts: Facts) -> Iterable[Effect]:
        """Return the effects for one person of the audience."""

    def excluded_user(self, event: Event[PayloadT]) -> UserId | None:  # noqa: ARG002 - for overriding
        """Return the person who caused the event and is not notified. Default: nobody."""
        return None

    def preference_project_id(
        self,
        event: Event[PayloadT],  # noqa: ARG002 - for overriding
        facts: Facts,  # noqa: ARG002
        project_id: ProjectId | None,
    ) -> ProjectId | None:
        """Return the project whose preferences apply. Default: the project of the event.

        Args:
            event: the event.
            facts: the facts of its batch.
            project_id: the result of the method ``project_id``.
        """
        return project_id

    def project_id(self, event: Event[PayloadT]) -> ProjectId | None:
        """Return the project of the event. Override it if the payload may name the project."""
        return event.project_id

    def resource_id(self, event: Event[PayloadT]) -> ResourceId | None:
        """Return the document of the event. Override it if the payload may name the document."""
        return event.resource_id
