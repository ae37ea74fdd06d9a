from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from tests.golden.stage import D, N, Stage
from tests.golden.world import P1, T1, T2, T3, U0, U1, U2, U3, WORKSPACE


def link(thread: UUID) -> str:
    return f"{WORKSPACE}?tab=chat&thread={thread}"


def activity(user: UUID, event: int, count: int, thread: UUID = T1, name: str = "General") -> N:
    """Build the open counter row of a person and a thread."""
    label = name if name.startswith("#") else f"#{name}"
    payload = {
        "count": count,
        "thread_id": str(thread),
        "thread_name": name,
        "project_name": "Tower",
        "type": "thread_activity",
    }
    body = f"{count} new {'message' if count == 1 else 'messages'} in **{label}**"
    return N(user, event, "New messages in Tower", body, link(thread), payload)


def wrote(stage: Stage, actor: UUID = U1, thread: UUID = T1, **payload: object) -> int:
    return stage.emit("chat_message_sent", payload, actor_id=actor, project_id=P1, thread_id=thread)


def test_g08_the_other_participants_get_one_counter_row_each(stage: Stage) -> None:
    event = wrote(stage, full_content="hi", mentioned_user_ids=[])
    stage.deliver(event)
    assert stage.notifications() == sorted([activity(U2, event, 1), activity(U3, event, 1)])
    assert stage.emails() == []
    assert stage.decisions() == [D(U1, event, "in_app", "actor")]


def test_g09_a_mention_is_a_row_of_its_own_and_leaves_the_counter_alone(stage: Stage) -> None:
    first = wrote(stage, full_content="hi", mentioned_user_ids=[])
    stage.deliver(first)
    text = f"hi @[Bob](user:{U2})"
    second = wrote(stage, full_content=text, mentioned_user_ids=[str(U2)])
    stage.deliver(second)
    mention = N(
        U2,
        second,
        "Ann Actor mentioned you in #General - Tower",
        text,
        link(T1),
        activity(U2, second, 1).payload | {"type": "mention"},
    )
    assert sorted(stage.notifications()) == sorted(
        [activity(U2, first, 1), activity(U3, first, 2), mention]
    )


def test_g10_each_person_has_a_counter_of_their_own(stage: Stage) -> None:
    first, second = wrote(stage), wrote(stage, mentioned_user_ids=[str(U2)])
    third = wrote(stage, actor=U3)
    for event in (first, second, third):
        stage.deliver(event)
    counters = [row for row in stage.notifications() if row.payload["type"] == "thread_activity"]
    assert sorted(counters) == sorted(
        [activity(U2, first, 2), activity(U3, first, 2), activity(U1, third, 1)]
    )


def test_g12_a_topic_with_a_number_sign_gets_no_second_one(stage: Stage) -> None:
    event = wrote(stage, thread=T2)
    stage.deliver(event)
    assert stage.notifications() == [activity(U2, event, 1, T2, "#deal")]


def test_g14_a_thread_without_topic_is_called_thread(stage: Stage) -> None:
    event = wrote(stage, thread=T3)
    stage.deliver(event)
    assert stage.notifications() == [activity(U2, event, 1, T3, "thread")]


def test_g16_a_message_delivered_again_is_not_counted_again(stage: Stage) -> None:
    event = wrote(stage)
    stage.deliver(event)
    before = stage.rows("SELECT * FROM notifications ORDER BY id")
    stage.deliver(event, event)
    stage.deliver(event)
    assert stage.rows("SELECT * FROM notifications ORDER BY id") == before
    assert sorted(stage.notifications()) == sorted([activity(U2, event, 1), activity(U3, event, 1)])


def test_g17_two_workers_at_once_share_the_counter_row(stage: Stage) -> None:
    first, second = wrote(stage), wrote(stage)
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(stage.deliver, (first, second)))
    rows = {(row.user, row.payload["count"]) for row in stage.notifications()}
    assert rows == {(U2, 2), (U3, 2)}
    assert len(stage.notifications()) == 2


def test_g64_the_counter_row_carries_the_earliest_event_of_its_batch(stage: Stage) -> None:
    first = stage.emit("chat_message_sent", {}, actor_id=U1, thread_id=T1, age=timedelta(minutes=2))
    earliest = stage.emit(
        "chat_message_sent", {}, actor_id=U1, thread_id=T1, age=timedelta(minutes=3)
    )
    last = stage.emit("chat_message_sent", {}, actor_id=U1, thread_id=T1, age=timedelta(minutes=1))
    stage.deliver(first, earliest, last)
    assert stage.notifications() == sorted([activity(U2, earliest, 3), activity(U3, earliest, 3)])
    assert {row for row in stage.decisions() if row.reason == "counted"} == {
        D(user, event, "in_app", "counted") for user in (U2, U3) for event in (first, last)
    }


def test_after_the_thread_was_read_a_new_counter_row_is_opened(stage: Stage) -> None:
    first, second = wrote(stage), wrote(stage)
    stage.deliver(first)
    stage.execute("UPDATE notifications SET read_at = now() WHERE user_id = %s", U2)
    stage.deliver(second)
    assert [row for row in stage.notifications() if row.user == U2] == [
        activity(U2, first, 1),
        activity(U2, second, 1),
    ]


def test_g52_a_thread_preference_beats_the_muted_project(stage: Stage) -> None:
    stage.prefer(U2, "immediate", thread=T1)
    stage.prefer(U2, "muted", project=P1)
    stage.prefer(U3, "muted", project=P1)
    event = wrote(stage)
    stage.deliver(event)
    assert stage.notifications() == [activity(U2, event, 1)]
    assert D(U3, event, "in_app", "muted:project") in stage.decisions()


def test_muting_skips_mentions_too(stage: Stage) -> None:
    stage.prefer(U2, "muted", name="chat_message", thread=T1)
    event = wrote(stage, mentioned_user_ids=[str(U2)])
    stage.deliver(event)
    assert {row.user for row in stage.notifications()} == {U3}


def test_null_mentions_and_null_content_are_a_plain_message(stage: Stage) -> None:
    event = wrote(stage, full_content=None, mentioned_user_ids=None)
    stage.deliver(event)
    assert {row.title for row in stage.notifications()} == {"New messages in Tower"}


def test_the_ai_user_takes_part_but_never_hears(stage: Stage) -> None:
    stage.execute(
        "INSERT INTO chat_thread_participants (thread_id, user_id) VALUES (%s, %s)", T2, U0
    )
    event = wrote(stage, thread=T2)
    stage.deliver(event)
    assert {row.user for row in stage.notifications()} == {U2}
    assert D(U0, event, "in_app", "system_user") in stage.decisions()


def test_without_a_thread_nobody_hears(stage: Stage) -> None:
    event = stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.ledger() == {event: "completed"}


def test_an_event_that_the_application_counted_itself_is_not_counted_again(stage: Stage) -> None:
    event = wrote(stage)
    stage.execute(
        "INSERT INTO notifications (user_id, event_id, kind, title, read_at)"
        " VALUES (%s, %s, 'thread_activity', 'old', now()), (%s, %s, NULL, 'older', NULL)",
        U2, event, U3, event,
    )  # fmt: skip
    stage.deliver(event)
    assert {row.title for row in stage.notifications()} == {"old", "older"}
    assert stage.ledger() == {event: "completed"}


def test_a_mention_of_nobody_costs_the_others_nothing(stage: Stage) -> None:
    event = wrote(stage, mentioned_user_ids=[None, "", str(U2)])
    stage.deliver(event)
    assert {(row.user, row.payload["type"]) for row in stage.notifications()} == {
        (U2, "mention"),
        (U3, "thread_activity"),
    }
