"""document_permission_changed: someone who could view a document may now edit it."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, ProjectId, ResourceId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, LenientLine, Line, NullableText, Payload
from pipeline.fanout.audience import Audience, Nobody, named
from pipeline.fanout.effects import Channel, Effect, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class DocumentPermissionChanged(Payload):
    """Payload of ``document_permission_changed``; a null ``old_permission`` means no access."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "affected_user_id": "a0000000-0000-4000-8000-000000000001",
                    "project_id": "b0000000-0000-4000-8000-000000000001",
                    "project_name": "Harbor Point",
                    "resource_id": "d0000000-0000-4000-8000-000000000001",
                    "resource_name": "Rent roll.xlsx",
                    "old_permission": "view",
                    "new_permission": "edit",
                }
            ]
        }
    )

    affected_user_id: UserId | None = None
    project_id: Annotated[ProjectId | None, LENIENT] = None
    project_name: LenientLine = None
    resource_id: Annotated[ResourceId | None, LENIENT] = None
    resource_name: Line = "a document"
    old_permission: NullableText = "view"
    new_permission: str = "view"


class DocumentPermissionChangedHandler(Handler[DocumentPermissionChanged]):
    """Tell the person of an upgrade, in the app. Other changes notify nobody."""

    event_type = EventType("document_permission_changed")
    payload = DocumentPermissionChanged
    channels = (Channel.IN_APP,)
    preference = Preference("document_permission_changed", Scope.PROJECT)

    def audience(self, event: Event[DocumentPermissionChanged]) -> Audience:
        """The person whose access has changed."""
        if (event.payload.old_permission, event.payload.new_permission) != ("view", "edit"):
            return Nobody("only a change from view to edit notifies anyone")
        if self.resource_id(event) is None:
            return Nobody("the event names no document")
        return named(event.payload.affected_user_id, field="affected_user_id")

    def project_id(self, event: Event[DocumentPermissionChanged]) -> ProjectId | None:
        """The event's project, or else the payload's."""
        return event.project_id or event.payload.project_id

    def resource_id(self, event: Event[DocumentPermissionChanged]) -> ResourceId | None:
        """The event's document, or else the payload's."""
        return event.resource_id or event.payload.resource_id

    def preference_project_id(
        self, event: Event[DocumentPermissionChanged], facts: Facts, project_id: ProjectId | None
    ) -> ProjectId | None:
        """The named project, or else the document's. Without a project the person is told too."""
        return project_id or facts.project_of(self.resource_id(event))

    def decide(
        self, event: Event[DocumentPermissionChanged], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification."""
        resource_id = self.resource_id(event)
        project_id = self.preference_project_id(event, facts, self.project_id(event))
        project_name = event.payload.project_name or facts.project_name(
            project_id, unknown="a project"
        )
        old, new = event.payload.old_permission, event.payload.new_permission
        resource_name = event.payload.resource_name
        yield Notification(
            kind=self.event_type,
            title=f"Document access upgraded - {project_name}",
            body=f'Your access to **"{escape(resource_name)}"** has been upgraded'
            f" from **{old}** to **{new}** in **{escape(project_name)}**",
            link=links.document(project_id, resource_id),
            payload={
                "type": self.event_type,
                "project_id": project_id,
                "project_name": project_name,
                "resource_id": resource_id,
                "resource_name": resource_name,
                "old_permission": old,
                "new_permission": new,
            },
        )
