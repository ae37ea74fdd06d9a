from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import D, N, Stage
from tests.golden.world import P1, R1, U1, U4, WORKSPACE


def granted(
    stage: Stage, *, project: UUID | None = P1, resource: UUID | None = R1, **payload: object
) -> int:
    default = {
        "affected_user_id": str(U4),
        "project_name": "Tower",
        "resource_name": "a.pdf",
        "new_permission": "edit",
    }
    return stage.emit(
        "document_permission_granted",
        default | payload,
        actor_id=U1,
        project_id=project,
        resource_id=resource,
    )


def notification(event: int, *, name: str = "a.pdf", permission: str = "edit") -> N:
    payload: dict[str, Any] = {
        "type": "document_permission_granted",
        "project_id": str(P1),
        "project_name": "Tower",
        "resource_id": str(R1),
        "resource_name": name,
        "new_permission": permission,
    }
    body = f'You now have **{permission}** access to **"{name}"** in **Tower**'
    title = "Document access granted - Tower"
    return N(U4, event, title, body, f"{WORKSPACE}?resourceId={R1}", payload)


def test_g42_the_person_is_told_in_the_app(stage: Stage) -> None:
    event = granted(stage)
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]
    assert (stage.emails(), stage.decisions()) == ([], [])


def test_project_and_document_may_be_named_by_the_payload_only(stage: Stage) -> None:
    event = granted(stage, project=None, resource=None, project_id=str(P1), resource_id=str(R1))
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]


@pytest.mark.parametrize("empty", [None, ""])
def test_a_project_that_the_payload_does_not_name_is_looked_up(
    stage: Stage, empty: str | None
) -> None:
    event = granted(stage, project_name=empty, resource_name=empty, new_permission=empty)
    stage.deliver(event)
    assert stage.notifications() == [notification(event, name="a document", permission="view")]


def test_a_project_that_nobody_knows_is_a_project(stage: Stage) -> None:
    event = granted(stage, project=None, project_id=str(UUID(int=9)), project_name=None)
    stage.deliver(event)
    assert [row.title for row in stage.notifications()] == ["Document access granted - a project"]


def test_g42_without_a_document_or_a_person_nothing_follows(stage: Stage) -> None:
    events = {
        granted(stage, resource=None): "the event names no document",
        granted(stage, affected_user_id=None): "payload.affected_user_id is missing",
    }
    stage.deliver(*events)
    assert stage.notifications() == []
    assert stage.reasons() == events


def test_the_documents_project_counts_where_the_event_names_none(stage: Stage) -> None:
    event = granted(stage, project=None, project_name=None)
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]


def test_a_document_of_no_project_is_told_of_and_leads_to_the_dashboard(stage: Stage) -> None:
    stage.execute("UPDATE resources SET project_id = NULL")
    event = granted(stage, project=None, project_name=None)
    stage.deliver(event)
    assert [(row.user, row.title, row.link) for row in stage.notifications()] == [
        (U4, "Document access granted - a project", "/dashboard")
    ]


def test_it_can_be_muted_for_the_project(stage: Stage) -> None:
    stage.prefer(U4, "muted", name="document_permission_granted", project=P1)
    event = granted(stage, project=None, resource=None, project_id=str(P1), resource_id=str(R1))
    stage.deliver(event)
    assert stage.decisions() == [D(U4, event, "in_app", "muted:project")]
