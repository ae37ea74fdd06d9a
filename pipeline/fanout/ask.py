"""Ask a handler about an event, once, before the facts about people are loaded."""

from dataclasses import dataclass
from typing import Generic

from pipeline.domain.handler_failure import failed
from pipeline.domain.identifiers import ProjectId, ResourceId, UserId
from pipeline.domain.payload import PayloadT
from pipeline.fanout.audience import Audience
from pipeline.fanout.events import Event
from pipeline.fanout.handler import Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Generic[PayloadT]):
    """An event, and the answers of its handler.

    Attributes:
        event: the event.
        audience: the people who may be notified.
        project_id: the project of the event.
        resource_id: the document of the event.
        excluded_user: the person who caused the event and is not notified.
    """

    event: Event[PayloadT]
    audience: Audience
    project_id: ProjectId | None = None
    resource_id: ResourceId | None = None
    excluded_user: UserId | None = None


def ask(handler: Handler[PayloadT], event: Event[PayloadT]) -> Asked[PayloadT]:
    """Ask the handler of the event's type. Loading facts and deciding use the answers.

    Raises:
        HandlerFailed: the handler raised. The text says where, without a value of the event.
    """
    try:
        return Asked(
            event=event,
            audience=handler.audience(event),
            project_id=handler.project_id(event),
            resource_id=handler.resource_id(event),
            excluded_user=handler.excluded_user(event),
        )
    except (Exception, SystemExit) as error:
        raise failed(handler, error) from error
