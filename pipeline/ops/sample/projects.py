"""The sample events about projects and organisations."""

from typing import Any

from pipeline.ops.sample import ids
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.people import ORGANISATIONS, PEOPLE, PROJECTS, email


def granted(actor: str, person: str, project: str, permission: str) -> SampleEvent:
    """Someone was given access to a project."""
    payload = _access(actor, person, project) | {"new_permission": permission}
    return _event("project_access_granted", actor, project, payload)


def changed(actor: str, person: str, project: str, old: str, new: str) -> SampleEvent:
    """Someone may now do more in a project."""
    payload = _access(actor, person, project) | {"old_permission": old, "new_permission": new}
    return _event("project_access_changed", actor, project, payload)


def revoked(actor: str, person: str, project: str) -> SampleEvent:
    """Someone has lost access to a project."""
    return _event("project_access_revoked", actor, project, _access(actor, person, project))


def joined(person: str, *, invited_by: str) -> SampleEvent:
    """Someone accepted the invitation to an organisation. The event belongs to no project."""
    item = PEOPLE[person]
    return SampleEvent(
        event_type="invite_accepted",
        actor_id=ids.person(person),
        payload={
            "new_member_id": str(ids.person(person)),
            "new_member_name": item.full_name,
            "new_member_email": email(person),
            "invited_by": str(ids.person(invited_by)),
            "org_id": str(ids.organisation(item.organisation)),
            "org_name": ORGANISATIONS[item.organisation].name,
            "project_grant_ids": [],
        },
    )


def left_incomplete(owner: str, project: str) -> SampleEvent:
    """The application noticed that a borrower's resume has not been worked on for days."""
    return SampleEvent(
        event_type="resume_incomplete_nudge",
        project_id=ids.project(project),
        payload={
            "resume_type": "borrower",
            "completion_percent": 45.0,
            "nudge_tier": 1,
            "user_id": str(ids.person(owner)),
        },
    )


def _event(event_type: str, actor: str, project: str, payload: dict[str, Any]) -> SampleEvent:
    return SampleEvent(
        event_type=event_type,
        actor_id=ids.person(actor),
        project_id=ids.project(project),
        payload=payload,
    )


def _access(actor: str, person: str, project: str) -> dict[str, Any]:
    item = PROJECTS[project]
    return {
        "affected_user_id": str(ids.person(person)),
        "project_id": str(ids.project(project)),
        "project_name": item.name,
        "changed_by_id": str(ids.person(actor)),
        "org_id": str(ids.organisation(item.organisation)),
        "org_name": ORGANISATIONS[item.organisation].name,
    }
