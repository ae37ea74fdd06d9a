"""The sample events about documents."""

from typing import Any, Final

from pipeline.ops.sample import ids
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.people import DOCUMENTS, ORGANISATIONS, PROJECTS

_MIME_TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def uploaded(actor: str, document: str, *, size: int) -> SampleEvent:
    """Someone added a document."""
    item = DOCUMENTS[document]
    payload = {
        "fileName": item.name,
        "size": size,
        "mimeType": _MIME_TYPES[item.name.rpartition(".")[2]],
        "rootResourceType": "PROJECT_DOCS_ROOT",
        "source": "web",
    }
    return _event("document_uploaded", actor, document, payload)


def opened(actor: str, person: str, document: str, permission: str) -> SampleEvent:
    """Someone was given access to a document."""
    payload = _access(actor, person, document, None, permission)
    return _event("document_permission_granted", actor, document, payload)


def upgraded(actor: str, person: str, document: str) -> SampleEvent:
    """Someone who could view a document may now edit it."""
    payload = _access(actor, person, document, "view", "edit")
    return _event("document_permission_changed", actor, document, payload)


def _event(event_type: str, actor: str, document: str, payload: dict[str, Any]) -> SampleEvent:
    return SampleEvent(
        event_type=event_type,
        actor_id=ids.person(actor),
        project_id=ids.project(DOCUMENTS[document].project),
        resource_id=ids.resource(document),
        payload=payload,
    )


def _access(actor: str, person: str, document: str, old: str | None, new: str) -> dict[str, Any]:
    item = DOCUMENTS[document]
    project = PROJECTS[item.project]
    return {
        "affected_user_id": str(ids.person(person)),
        "project_id": str(ids.project(item.project)),
        "project_name": project.name,
        "resource_id": str(ids.resource(document)),
        "resource_name": item.name,
        "old_permission": old,
        "new_permission": new,
        "changed_by_id": str(ids.person(actor)),
        "org_id": str(ids.organisation(project.organisation)),
        "org_name": ORGANISATIONS[project.organisation].name,
    }
