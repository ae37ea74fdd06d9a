"""document_permission_granted: someone was given access to a document."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, ProjectId, ResourceId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, LenientLine, Line, Payload
from pipeline.fanout.audience import Audience, Nobody, named
from pipeline.fanout.effects import Channel, Effect, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class DocumentPermissionGranted(Payload):
    """Payload of ``document_permission_granted``. Some producers omit the name of the project."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "affected_user_id": "a0000000-0000-4000-8000-000000000001",
                    "project_id": "b0000000-0000-4000-8000-000000000001",
                    "project_name": "Harbor Point",
                    "resource_id": "d0000000-0000-4000-8000-000000000001",
                    "resource_name": "Rent roll.xlsx",
                    "new_permission": "view",
                }
            ]
        }
    )

    affected_user_id: UserId | None = None
    project_id: Annotated[ProjectId | None, LENIENT] = None
    project_name: LenientLine = None
    resource_id: Annotated[ResourceId | None, LENIENT] = None
    resource_name: Line = "a document"
    new_permission: Line = "view"


class DocumentPermissionGrantedHandler(Handler[DocumentPermissionGranted]):
    """Tell the person, in the app."""

    event_type = EventType("document_permission_granted")
    payload = DocumentPermissionGranted
    channels = (Channel.IN_APP,)
    preference = Preference("document_permission_granted", Scope.PROJECT)

    def audience(self, event: Event[DocumentPermissionGranted]) -> Audience:
        """The person who was given access."""
        if self.resource_id(event) is None:
            return Nobody("the event names no document")
        return named(event.payload.affected_user_id, field="affected_user_id")

    def project_id(self, event: Event[DocumentPermissionGranted]) -> ProjectId | None:
        """The event's project, or else the payload's."""
        return event.project_id or event.payload.project_id

    def resource_id(self, event: Event[DocumentPermissionGranted]) -> ResourceId | None:
        """The event's document, or else the payload's."""
        return event.resource_id or event.payload.resource_id

    def preference_project_id(
        self, event: Event[DocumentPermissionGranted], facts: Facts, project_id: ProjectId | None
    ) -> ProjectId | None:
        """The named project, or else the document's. Without a project the person is told too."""
        return project_id or facts.project_of(self.resource_id(event))

    def decide(
        self, event: Event[DocumentPermissionGranted], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification."""
        resource_id = self.resource_id(event)
        project_id = self.preference_project_id(event, facts, self.project_id(event))
        project_name = event.payload.project_name or facts.project_name(
            project_id, unknown="a project"
        )
        resource_name, permission = event.payload.resource_name, event.payload.new_permission
        yield Notification(
            kind=self.event_type,
            title=f"Document access granted - {project_name}",
            body=f'You now have **{escape(permission)}** access to **"{escape(resource_name)}"**'
            f" in **{escape(project_name)}**",
            link=links.document(project_id, resource_id),
            payload={
                "type": self.event_type,
                "project_id": project_id,
                "project_name": project_name,
                "resource_id": resource_id,
                "resource_name": resource_name,
                "new_permission": permission,
            },
        )
