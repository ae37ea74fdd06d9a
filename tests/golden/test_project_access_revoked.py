from tests.golden.stage import D, N, Stage
from tests.golden.world import P1, U1, U4


def revoked(stage: Stage, **payload: object) -> int:
    default = {"affected_user_id": str(U4), "project_name": "Tower"}
    return stage.emit("project_access_revoked", default | payload, actor_id=U1, project_id=P1)


def notification(event: int, name: str = "Tower") -> N:
    return N(
        U4,
        event,
        f"Access removed - {name}",
        f"Your access to **{name}** has been removed",
        "/dashboard",
        {"type": "project_access_revoked", "project_id": str(P1), "project_name": name},
    )


def test_g41_the_person_is_told_in_the_app(stage: Stage) -> None:
    event = revoked(stage)
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]
    assert (stage.emails(), stage.decisions()) == ([], [])


def test_g41_what_was_muted_for_the_lost_project_is_told(stage: Stage) -> None:
    stage.prefer(U4, "muted", project=P1)
    event = revoked(stage)
    stage.deliver(event)
    assert stage.notifications() == [notification(event)]


def test_g41_what_was_muted_everywhere_is_not_told(stage: Stage) -> None:
    stage.prefer(U4, "muted")
    event = revoked(stage)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.decisions() == [D(U4, event, "in_app", "muted:global")]


def test_a_null_name_is_looked_up(stage: Stage) -> None:
    event = revoked(stage, project_name=None)
    stage.deliver(event)
    assert stage.notifications() == [notification(event, "Tower")]


def test_without_a_person_nothing_follows(stage: Stage) -> None:
    event = revoked(stage, affected_user_id="")
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.reasons() == {event: "payload.affected_user_id is missing"}
