from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import D, E, N, Stage
from tests.golden.world import P1, U1, U4, WORKSPACE


def changed(stage: Stage, *, project: UUID | None = P1, **payload: object) -> int:
    default = {
        "affected_user_id": str(U4),
        "project_name": "Tower",
        "old_permission": "view",
        "new_permission": "edit",
    }
    return stage.emit("project_access_changed", default | payload, actor_id=U1, project_id=project)


def test_g39_an_upgrade_is_told_in_the_app_and_by_email_at_once(stage: Stage) -> None:
    event = changed(stage)
    stage.deliver(event)
    about: dict[str, Any] = {
        "project_id": str(P1),
        "project_name": "Tower",
        "old_permission": "view",
        "new_permission": "edit",
    }
    assert stage.notifications() == [
        N(U4, event, "Your access to Tower has changed",
          "Your access changed from **view** to **edit**", WORKSPACE,
          {"type": "project_access_changed", **about})
    ]  # fmt: skip
    assert stage.emails() == [
        E(U4, event, "project_access_changed", "immediate", P1, "Tower",
          "Your access to Tower has been upgraded", {**about, "link_url": WORKSPACE})
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [("edit", "view"), ("none", "edit"), ("view", "view")])
def test_any_other_change_is_told_in_the_app_only(stage: Stage, old: str, new: str) -> None:
    event = changed(stage, old_permission=old, new_permission=new)
    stage.deliver(event)
    assert [row.body for row in stage.notifications()] == [
        f"Your access changed from **{old}** to **{new}**"
    ]
    assert stage.emails() == []
    assert stage.decisions() == [D(U4, event, "email", "not_eligible")]


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_take_the_defaults(stage: Stage, empty: str | None) -> None:
    event = changed(
        stage, project=None, project_name=empty, old_permission=empty, new_permission=empty
    )
    stage.deliver(event)
    assert [(row.title, row.body, row.link) for row in stage.notifications()] == [
        (
            "Your access to a project has changed",
            "Your access changed from **view** to **view**",
            "/dashboard",
        )
    ]


def test_the_project_may_be_named_by_the_payload_only(stage: Stage) -> None:
    stage.prefer(U4, "muted", project=P1)
    event = changed(stage, project=None, project_id=str(P1))
    stage.deliver(event)
    assert {row.reason for row in stage.decisions()} == {"muted:project"}


def test_without_a_person_nothing_follows(stage: Stage) -> None:
    event = changed(stage, affected_user_id=None)
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.reasons() == {event: "payload.affected_user_id is missing"}
