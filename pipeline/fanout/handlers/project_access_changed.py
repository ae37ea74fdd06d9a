"""project_access_changed: someone may now do more, or less, in a project."""

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


class ProjectAccessChanged(Payload):
    """Payload of ``project_access_changed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "affected_user_id": "a0000000-0000-4000-8000-000000000001",
                    "project_id": "b0000000-0000-4000-8000-000000000001",
                    "project_name": "Harbor Point",
                    "old_permission": "view",
                    "new_permission": "edit",
                }
            ]
        }
    )

    affected_user_id: UserId | None = None
    project_id: Annotated[ProjectId | None, LENIENT] = None
    project_name: LenientLine = None
    old_permission: Line = "view"
    new_permission: Line = "view"


class ProjectAccessChangedHandler(Handler[ProjectAccessChanged]):
    """Tell the person in the app. An upgrade also sends an e-mail at once."""

    event_type = EventType("project_access_changed")
    payload = ProjectAccessChanged
    channels = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("project_access_changed", Scope.PROJECT)

    def audience(self, event: Event[ProjectAccessChanged]) -> Audience:
        """The person whose access has changed."""
        return named(event.payload.affected_user_id, field="affected_user_id")

    def project_id(self, event: Event[ProjectAccessChanged]) -> ProjectId | None:
        """The event's project, or else the payload's."""
        return event.project_id or event.payload.project_id

    def decide(
        self, event: Event[ProjectAccessChanged], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification, and one immediate e-mail for a change from view to edit."""
        project_id = self.project_id(event)
        project_name = event.payload.project_name or facts.project_name(
            self.project_id(event), unknown="a project"
        )
        old, new = event.payload.old_permission, event.payload.new_permission
        link = links.project(project_id)
        about = {
            "project_id": project_id,
            "project_name": project_name,
            "old_permission": old,
            "new_permission": new,
        }
        yield Notification(
            kind=self.event_type,
            title=f"Your access to {project_name} has changed",
            body=f"Your access changed from **{escape(old)}** to **{escape(new)}**",
            link=link,
            payload={"type": self.event_type, **about},
        )
        if (old, new) == ("view", "edit"):
            yield Email(
                delivery=Delivery.IMMEDIATE,
                subject=f"Your access to {project_name} has been upgraded",
                data={**about, "link_url": link},
                project_id=project_id,
                project_name=project_name,
            )
