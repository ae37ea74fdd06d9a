from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import D, E, N, Stage
from tests.golden.world import O1, P1, T1, U1, U4, WORKSPACE


def granted(stage: Stage, *, project: UUID | None = P1, **payload: object) -> int:
    default = {"affected_user_id": str(U4), "project_name": "Tower", "new_permission": "view"}
    return stage.emit("project_access_granted", default | payload, actor_id=U1, project_id=project)


def test_g38_the_person_is_told_in_the_app_and_by_email_at_once(stage: Stage) -> None:
    event = granted(stage)
    stage.deliver(event)
    about = {"project_id": str(P1), "project_name": "Tower", "new_permission": "view"}
    title = "You've been added to Tower"
    assert stage.notifications() == [
        N(U4, event, title, "You now have **view** access to **Tower**", WORKSPACE,
          {"type": "project_access_granted", **about})
    ]  # fmt: skip
    assert stage.emails() == [
        E(U4, event, "project_access_granted", "immediate", P1, "Tower", title,
          {**about, "link_url": WORKSPACE})
    ]  # fmt: skip


def test_the_project_may_be_named_by_the_payload_only(stage: Stage) -> None:
    event = granted(stage, project=None, project_id=str(P1))
    stage.deliver(event)
    assert [row.link for row in stage.notifications()] == [WORKSPACE]


def test_without_any_project_the_link_is_the_dashboard(stage: Stage) -> None:
    event = granted(stage, project=None, project_name="", new_permission=None)
    stage.deliver(event)
    row = stage.notifications()[0]
    assert (row.title, row.body, row.link) == (
        "You've been added to a project",
        "You now have **view** access to **a project**",
        "/dashboard",
    )


@pytest.mark.parametrize(
    ("preferences", "notifications", "emails", "reasons"),
    [
        pytest.param(
            [{"status": "muted"}], 0, 0, {"in_app": "muted:global", "email": "muted:global"},
            id="g47-global-mute",
        ),
        pytest.param(
            [
                {"status": "muted"},
                {"status": "immediate", "name": "project_access_granted", "project": P1},
            ], 1, 1, {},
            id="g48-project-beats-global",
        ),
        pytest.param(
            [{"status": "muted", "channel": "email"}], 1, 0, {"email": "muted:global"},
            id="g50-email-mute-is-for-email-only",
        ),
        pytest.param(
            [{"status": "muted"}, {"status": "immediate", "channel": "email"}], 0, 1,
            {"in_app": "muted:global"},
            id="g50-email-preference-overrides-what-it-would-inherit",
        ),
        pytest.param(
            [{"status": "muted", "name": "project_access_granted"}, {"status": "immediate"}], 0, 0,
            {"in_app": "muted:global", "email": "muted:global"},
            id="exact-type-beats-any",
        ),
        pytest.param(
            [{"status": "muted", "thread": T1}], 1, 1, {},
            id="a-thread-preference-says-nothing-of-projects",
        ),
    ],
)  # fmt: skip
def test_preferences_decide_each_channel(
    stage: Stage,
    preferences: list[dict[str, Any]],
    notifications: int,
    emails: int,
    reasons: dict[str, str],
) -> None:
    for preference in preferences:
        stage.prefer(U4, **preference)
    event = granted(stage)
    stage.deliver(event)
    assert (len(stage.notifications()), len(stage.emails())) == (notifications, emails)
    assert stage.decisions() == sorted(
        D(U4, event, channel, why) for channel, why in reasons.items()
    )


def test_a_digest_preference_turns_the_immediate_email_into_an_aggregated_one(
    stage: Stage,
) -> None:
    stage.prefer(U4, "digest", channel="email")
    stage.deliver(granted(stage))
    assert [row.delivery for row in stage.emails()] == ["aggregated"]


def test_someone_without_a_profile_is_recorded_and_not_told(stage: Stage) -> None:
    stranger = UUID(int=99)
    event = granted(stage, affected_user_id=str(stranger))
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.decisions() == [
        D(stranger, event, "email", "no_profile"),
        D(stranger, event, "in_app", "no_profile"),
    ]


def test_a_name_that_the_payload_lacks_is_looked_up(stage: Stage) -> None:
    stage.deliver(granted(stage, project_name=None))
    assert [row.title for row in stage.notifications()] == ["You've been added to Tower"]


def test_a_project_that_is_gone_costs_the_person_nothing(stage: Stage) -> None:
    gone = UUID(int=98)
    event = granted(stage, project=None, project_id=str(gone))
    stage.deliver(event)
    assert stage.ledger() == {event: "completed"}
    assert len(stage.notifications()) == 1
    assert [row.project for row in stage.emails()] == [None]


def test_a_thread_that_the_event_happens_to_name_has_no_say(stage: Stage) -> None:
    other = UUID(int=97)
    stage.execute(
        "INSERT INTO projects (id, name, owner_org_id) VALUES (%s, 'Bridge', %s)", other, O1
    )
    stage.prefer(U4, "muted", project=other)
    event = stage.emit(
        "project_access_granted",
        {"affected_user_id": str(U4)},
        project_id=other,
        thread_id=T1,
    )
    stage.deliver(event)
    assert stage.notifications() == []
