from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import D, N, Stage
from tests.golden.world import P1, R1, U1, U4, WORKSPACE


def changed(
    stage: Stage,
    payload: dict[str, Any] | None = None,
    *,
    project: UUID | None = P1,
    resource: UUID | None = R1,
) -> int:
    default = {
        "affected_user_id": str(U4),
        "project_name": "Tower",
        "resource_name": "a.pdf",
        "new_permission": "edit",
    }
    return stage.emit(
        "document_permission_changed",
        default | (payload or {}),
        actor_id=U1,
        project_id=project,
        resource_id=resource,
    )


def notification(event: int, name: str = "a.pdf") -> N:
    payload = {
        "type": "document_permission_changed",
        "project_id": str(P1),
        "project_name": "Tower",
        "resource_id": str(R1),
        "resource_name": name,
        "old_permission": "view",
        "new_permission": "edit",
    }
    body = f'Your access to **"{name}"** has been upgraded from **view** to **edit** in **Tower**'
    title = "Document access upgraded - Tower"
    return N(U4, event, title, body, f"{WORKSPACE}?resourceId={R1}", payload)


@pytest.mark.parametrize("old", [{"old_permission": "view"}, {}, {"old_permission": ""}])
def test_g43_an_upgrade_is_told_in_the_app(stage: Stage, old: dict[str, Any]) -> None:
    event = changed(stage, old)
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]
    assert (stage.emails(), stage.decisions()) == ([], [])


@pytest.mark.parametrize(
    "permissions",
    [
        pytest.param({"old_permission": "edit", "new_permission": "view"}, id="downgrade"),
        pytest.param({"old_permission": None}, id="null-is-no-access"),
        pytest.param({"old_permission": "view", "new_permission": None}, id="view-to-view"),
        pytest.param({"old_permission": "none"}, id="none-to-edit"),
    ],
)
def test_g43_any_other_change_is_not_told(stage: Stage, permissions: dict[str, Any]) -> None:
    event = changed(stage, permissions)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.reasons() == {event: "only a change from view to edit notifies anyone"}


def test_names_that_the_payload_lacks_are_looked_up_or_have_a_default(stage: Stage) -> None:
    event = changed(
        stage,
        {
            "project_name": None,
            "resource_name": None,
            "project_id": str(P1),
            "resource_id": str(R1),
        },
        project=None,
        resource=None,
    )
    stage.deliver(event)
    assert stage.notifications() == [notification(event, "a document")]


def test_without_a_document_or_a_person_nothing_follows(stage: Stage) -> None:
    events = {
        changed(stage, resource=None): "the event names no document",
        changed(stage, {"affected_user_id": None}): "payload.affected_user_id is missing",
    }
    stage.deliver(*events)
    assert stage.notifications() == []
    assert stage.reasons() == events


def test_the_documents_project_counts_where_the_event_names_none(stage: Stage) -> None:
    event = changed(stage, {"project_name": None}, project=None)
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]


def test_it_can_be_muted_for_the_project(stage: Stage) -> None:
    stage.prefer(U4, "muted", name="document_permission_changed", project=P1)
    event = changed(stage)
    stage.deliver(event)
    assert stage.decisions() == [D(U4, event, "in_app", "muted:project")]
