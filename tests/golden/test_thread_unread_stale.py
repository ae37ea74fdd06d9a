from uuid import UUID

from tests.golden.stage import D, E, Stage
from tests.golden.world import P1, T1, T3, U2, WORKSPACE


def email(event: int, subject: str, count: int, topic: str = "General", thread: UUID = T1) -> E:
    data = {
        "thread_id": str(thread),
        "thread_topic": topic,
        "unread_count": count,
        "project_name": "Tower",
        "link_url": f"{WORKSPACE}?tab=chat&thread={thread}",
    }
    return E(U2, event, "thread_unread_stale", "aggregated", P1, "Tower", subject, data)


def test_g19_the_reader_gets_an_email_and_no_notification(stage: Stage) -> None:
    event = stage.emit(
        "thread_unread_stale",
        {"user_id": str(U2), "thread_topic": "General", "unread_count": 3},
        project_id=P1,
        thread_id=T1,
    )
    stage.deliver(event)
    assert stage.emails() == [email(event, "3 unread messages in #General", 3)]
    assert stage.notifications() == []
    assert stage.decisions() == []


def test_g20_without_a_project_the_link_is_the_dashboard(stage: Stage) -> None:
    event = stage.emit("thread_unread_stale", {"user_id": str(U2)}, thread_id=T1)
    stage.deliver(event)
    data = email(event, "", 1).data | {"project_name": "your project", "link_url": "/dashboard"}
    assert stage.emails() == [
        E(U2, event, "thread_unread_stale", "aggregated", None, "your project",
          "1 unread message in #General", data)
    ]  # fmt: skip


def test_g22_without_a_reader_or_a_thread_nothing_follows(stage: Stage) -> None:
    unnamed = stage.emit("thread_unread_stale", {}, project_id=P1, thread_id=T1)
    threadless = stage.emit("thread_unread_stale", {"user_id": str(U2)}, project_id=P1)
    stage.deliver(unnamed, threadless)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.ledger() == {unnamed: "completed", threadless: "completed"}


def test_a_thread_without_any_topic_is_called_general(stage: Stage) -> None:
    event = stage.emit(
        "thread_unread_stale",
        {"user_id": str(U2), "thread_topic": None},
        project_id=P1,
        thread_id=T3,
    )
    stage.deliver(event)
    assert stage.emails() == [email(event, "1 unread message in #general", 1, "general", T3)]


def test_who_muted_the_thread_by_email_is_not_reminded(stage: Stage) -> None:
    stage.prefer(U2, "muted", channel="email", thread=T1)
    event = stage.emit("thread_unread_stale", {"user_id": str(U2)}, project_id=P1, thread_id=T1)
    stage.deliver(event)
    assert stage.emails() == []
    assert stage.decisions() == [D(U2, event, "email", "muted:thread")]
