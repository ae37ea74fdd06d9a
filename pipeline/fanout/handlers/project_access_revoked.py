"""project_access_revoked: someone has lost access to a project."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, ProjectId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, LenientLine, Payload
from pipeline.fanout.audience import Audience, named
from pipeline.fanout.effects import Channel, Effect, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class ProjectAccessRevoked(Payload):
    """Payload of ``project_access_revoked``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "affected_user_id": "a0000000-0000-4000-8000-000000000001",
                    "project_id": "b0000000-0000-4000-8000-000000000001",
                    "project_name": "Harbor Point",
                }
            ]
        }
    )

    affected_user_id: UserId | None = None
    project_id: Annotated[ProjectId | None, LENIENT] = None
    project_name: LenientLine = None


class ProjectAccessRevokedHandler(Handler[ProjectAccessRevoked]):
    """Tell the person in the app. Project-level preferences are ignored: the access is gone."""

    event_type = EventType("project_access_revoked")
    payload = ProjectAccessRevoked
    channels = (Channel.IN_APP,)
    preference = Preference("project_access_revoked", Scope.GLOBAL)

    def audience(self, event: Event[ProjectAccessRevoked]) -> Audience:
        """The person who has lost access."""
        return named(event.payload.affected_user_id, field="affected_user_id")

    def project_id(self, event: Event[ProjectAccessRevoked]) -> ProjectId | None:
        """The event's project, or else the payload's."""
        return event.project_id or event.payload.project_id

    def decide(
        self, event: Event[ProjectAccessRevoked], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification that leads to the dashboard."""
        project_name = event.payload.project_name or facts.project_name(
            self.project_id(event), unknown="a project"
        )
        yield Notification(
            kind=self.event_type,
            title=f"Access removed - {project_name}",
            body=f"Your access to **{escape(project_name)}** has been removed",
            link=links.DASHBOARD,
            payload={
                "type": self.event_type,
                "project_id": self.project_id(event),
                "project_name": project_name,
            },
        )
