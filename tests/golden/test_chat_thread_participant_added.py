from typing import Any
from uuid import UUID

from tests.golden.stage import D, E, N, Stage
from tests.golden.world import P1, T1, T2, T3, U1, U2, WORKSPACE


def added(stage: Stage, *, actor: UUID | None = U1, thread: UUID = T1, **payload: object) -> int:
    default = {"added_user_id": str(U2), "thread_topic": "General"}
    return stage.emit(
        "chat_thread_participant_added",
        default | payload,
        actor_id=actor,
        project_id=P1,
        thread_id=thread,
    )


def expected(
    event: int,
    *,
    thread: UUID = T1,
    name: str = "General",
    actor: UUID | None = U1,
    actor_name: str = "Ann Actor",
) -> tuple[N, E]:
    """The two rows for U2."""
    label = name if name.startswith("#") else f"#{name}"
    about: dict[str, Any] = {
        "thread_id": str(thread),
        "thread_name": name,
        "thread_label": label,
        "actor_id": actor and str(actor),
        "actor_name": actor_name,
        "project_id": str(P1),
        "project_name": "Tower",
    }
    event_type, title = "chat_thread_participant_added", f"You've been added to {label} - Tower"
    body = f"**{actor_name}** added you to **{label}**"
    link = f"{WORKSPACE}?threadId={thread}"
    data = {**about, "link_url": link}
    return (
        N(U2, event, title, body, link, {"type": event_type, **about}),
        E(U2, event, event_type, "immediate", P1, "Tower", title, data),
    )


def test_g44_the_person_is_told_in_the_app_and_by_email_at_once(stage: Stage) -> None:
    event = added(stage)
    stage.deliver(event)
    notification, email = expected(event)
    assert (stage.notifications(), stage.emails()) == ([notification], [email])
    assert stage.decisions() == []


def test_g45_without_an_actor_or_a_topic_there_are_words_for_both(stage: Stage) -> None:
    event = added(stage, actor=None, thread=T3, thread_topic=None)
    stage.deliver(event)
    notification, email = expected(
        event, thread=T3, name="thread", actor=None, actor_name="Someone"
    )
    assert (stage.notifications(), stage.emails()) == ([notification], [email])


def test_the_topic_is_that_of_the_thread_whatever_the_payload_says(stage: Stage) -> None:
    event = added(stage, thread=T2, thread_topic="renamed since")
    stage.deliver(event)
    assert stage.notifications() == [expected(event, thread=T2, name="#deal")[0]]


def test_a_thread_that_is_gone_is_told_of_without_a_project(stage: Stage) -> None:
    event = stage.emit(
        "chat_thread_participant_added", {"added_user_id": str(U2)}, actor_id=U1, thread_id=T1
    )
    # A schema without this constraint keeps the event when its thread is deleted.
    stage.execute("ALTER TABLE domain_events DROP CONSTRAINT domain_events_thread_id_fkey")
    stage.execute("DELETE FROM chat_threads WHERE id = %s", T1)
    stage.deliver(event)
    assert [(row.title, row.link) for row in stage.notifications()] == [
        ("You've been added to #thread", f"/dashboard?threadId={T1}")
    ]
    assert [(row.project, row.project_name) for row in stage.emails()] == [(None, None)]


def test_without_a_person_or_a_thread_nothing_follows(stage: Stage) -> None:
    unnamed = added(stage, added_user_id=None)
    nowhere = stage.emit("chat_thread_participant_added", {"added_user_id": str(U2)}, project_id=P1)
    stage.deliver(unnamed, nowhere)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.reasons() == {
        unnamed: "payload.added_user_id is missing",
        nowhere: "the event names no thread",
    }


def test_a_thread_preference_beats_the_muted_project(stage: Stage) -> None:
    stage.prefer(U2, "muted", project=P1)
    stage.prefer(U2, "immediate", thread=T1)
    first, second = added(stage), added(stage, thread=T2)
    stage.deliver(first, second)
    assert [row.event for row in stage.notifications()] == [first]
    assert {row for row in stage.decisions() if row.channel == "in_app"} == {
        D(U2, second, "in_app", "muted:project")
    }
