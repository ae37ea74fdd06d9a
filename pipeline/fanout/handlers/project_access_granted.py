"""project_access_granted: someone was given access to a project."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, ProjectId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, LenientLine, Line, Payload
from pipeline.fanout.audience import Audience, named
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class ProjectAccessGranted(Payload):
    """Payload of ``project_access_granted``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "affected_user_id": "a0000000-0000-4000-8000-000000000001",
                    "project_id": "b0000000-0000-4000-8000-000000000001",
                    "project_name": "Harbor Point",
                    "new_permission": "edit",
                }
            ]
        }
    )

    affected_user_id: UserId | None = None
    project_id: Annotated[ProjectId | None, LENIENT] = None
    project_name: LenientLine = None
    new_permission: Line = "view"


class ProjectAccessGrantedHandler(Handler[ProjectAccessGranted]):
    """Tell the person, in the app and by e-mail at once."""

    event_type = EventType("project_access_granted")
    payload = ProjectAccessGranted
    channels = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("project_access_granted", Scope.PROJECT)

    def audience(self, event: Event[ProjectAccessGranted]) -> Audience:
        """The person who was given access."""
        return named(event.payload.affected_user_id, field="affected_user_id")

    def project_id(self, event: Event[ProjectAccessGranted]) -> ProjectId | None:
        """The event's project, or else the payload's."""
        return event.project_id or event.payload.project_id

    def decide(
        self, event: Event[ProjectAccessGranted], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification and one immediate e-mail."""
        project_id = self.project_id(event)
        project_name = event.payload.project_name or facts.project_name(
            self.project_id(event), unknown="a project"
        )
        permission = event.payload.new_permission
        link = links.project(project_id)
        title = f"You've been added to {project_name}"
        about = {
            "project_id": project_id,
            "project_name": project_name,
            "new_permission": permission,
        }
        yield Notification(
            kind=self.event_type,
            title=title,
            body=f"You now have **{escape(permission)}** access to **{escape(project_name)}**",
            link=link,
            payload={"type": self.event_type, **about},
        )
        yield Email(
            delivery=Delivery.IMMEDIATE,
            subject=title,
            data={**about, "link_url": link},
            project_id=project_id,
            project_name=project_name,
        )
