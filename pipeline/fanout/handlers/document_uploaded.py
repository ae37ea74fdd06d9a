"""document_uploaded: a file was added to a project."""

from collections.abc import Iterable

from pydantic import ConfigDict, Field

from pipeline.domain.identifiers import EventType, ProjectId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import Line, Payload
from pipeline.fanout.audience import Audience, DocumentViewers, Nobody
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class DocumentUploaded(Payload):
    """Payload of ``document_uploaded``."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fileName": "Rent roll.xlsx"}]})

    file_name: Line = Field("A new file", alias="fileName")


class DocumentUploadedHandler(Handler[DocumentUploaded]):
    """Tell everyone who can view the document, in the app and with the next digest."""

    event_type = EventType("document_uploaded")
    payload = DocumentUploaded
    channels = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("document_uploaded", Scope.PROJECT)

    def audience(self, event: Event[DocumentUploaded]) -> Audience:
        """Everybody in the project; if the event names a document, only people who can view it.

        For a document without a project: the owners of its organisation.
        """
        if event.project_id is None and event.resource_id is None:
            return Nobody("the event names no project")
        return DocumentViewers(event.project_id, event.resource_id)

    def excluded_user(self, event: Event[DocumentUploaded]) -> UserId | None:
        """The actor."""
        return event.actor_id

    def preference_project_id(
        self, event: Event[DocumentUploaded], facts: Facts, project_id: ProjectId | None
    ) -> ProjectId | None:
        """The event's project, or else the document's."""
        return project_id or facts.project_of(event.resource_id)

    def decide(
        self, event: Event[DocumentUploaded], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification and one aggregated e-mail."""
        file_name = event.payload.file_name
        project_id = self.preference_project_id(event, facts, event.project_id)
        project_name = facts.project_name(project_id)
        link = links.document(project_id, event.resource_id)
        yield Notification(
            kind=self.event_type,
            title=f"Document uploaded - {project_name}",
            body=f'New file **"{escape(file_name)}"** was uploaded to **{escape(project_name)}**.',
            link=link,
        )
        yield Email(
            delivery=Delivery.AGGREGATED,
            subject=f"New document uploaded to {project_name}",
            data={
                "file_name": file_name,
                "project_name": project_name,
                "uploader_name": facts.person_name(event.actor_id),
                "resource_id": event.resource_id,
                "link_url": link,
            },
            project_id=project_id,
            project_name=project_name,
        )
