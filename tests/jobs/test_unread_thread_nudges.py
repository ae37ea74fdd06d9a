"""G70 to G76: who is nudged about a thread, and who is not."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.identifiers import ProjectId, ThreadId
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers.thread_unread_stale import ThreadUnreadStaleHandler
from pipeline.fanout.preferences import PreferenceRow, Scope, resolve
from pipeline.jobs.job import Counts
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES as JOB
from tests.databases import Databases
from tests.golden.stage import E
from tests.golden.world import P1, T1, T2, U0, U1, U2, U3, WORKSPACE, populate
from tests.jobs.desk import DAY, LONG_AGO, MINUTE, NOW, Desk, Emitted

EPOCH: Final = "1970-01-01T00:00:00+00:00"
STALE: Final = NOW - 181 * MINUTE


def unread(desk: Desk) -> None:
    """The world of G70."""
    desk.say(T1, U1, STALE)
    desk.read(T1, U1, EPOCH)
    desk.read(T1, U2, EPOCH)
    desk.read(T1, U3, NOW - MINUTE)


def nudge(**changed: object) -> Emitted:
    """The event of G70."""
    payload: dict[str, Any] = {
        "user_id": str(U2),
        "thread_topic": "General",
        "latest_message_at": "2026-03-02T14:59:00+00:00",
        "latest_sender_id": str(U1),
        "anchor_last_read_at": EPOCH,
        "unread_count": 1,
    }
    return Emitted("thread_unread_stale", None, P1, T1, None, payload | changed)


def nudged(desk: Desk) -> list[UUID]:
    return sorted(UUID(event.payload["user_id"]) for event in desk.emitted())


def test_g70_who_left_the_thread_unread_is_nudged_once(desk: Desk) -> None:
    unread(desk)
    assert desk.run(JOB) == Counts(scanned=7, due=1, emitted=1)
    assert desk.emitted() == [nudge()]
    assert desk.rows(
        "SELECT thread_id, user_id, latest_message_at, sent_at,"
        " event_id = (SELECT id FROM domain_events) FROM unread_thread_stale_log"
    ) == [(T1, U2, STALE, NOW, True)]
    assert desk.run(JOB, now=NOW + 15 * MINUTE) == Counts(scanned=7)
    assert desk.emitted() == [nudge()]


def test_g70_through_the_graph_the_reader_gets_an_email_with_the_next_digest(desk: Desk) -> None:
    unread(desk)
    desk.run(JOB)
    desk.deliver()
    (email,) = desk.emails()
    data = {
        "thread_id": str(T1),
        "thread_topic": "General",
        "unread_count": 1,
        "project_name": "Tower",
        "link_url": f"{WORKSPACE}?tab=chat&thread={T1}",
    }
    assert email == E(
        U2, email.event, "thread_unread_stale", "aggregated", P1, "Tower",
        "1 unread message in #General", data,
    )  # fmt: skip


def test_g71_a_message_that_is_as_old_as_the_threshold_is_not_stale(desk: Desk) -> None:
    unread(desk)
    desk.execute("UPDATE project_messages SET created_at = %s", NOW - 180 * MINUTE)
    assert desk.run(JOB).due == 0
    assert desk.run(JOB, now=NOW + timedelta(microseconds=1)).emitted == 1


def test_g72_who_read_up_to_the_newest_message_is_not_nudged(desk: Desk) -> None:
    unread(desk)
    desk.read(T1, U2, STALE)
    assert desk.run(JOB).due == 0
    desk.read(T1, U2, STALE - timedelta(microseconds=1))
    assert desk.run(JOB).emitted == 1


def test_g74_own_messages_are_not_unread(desk: Desk) -> None:
    unread(desk)
    desk.say(T1, U2, NOW - 300 * MINUTE)
    desk.read(T1, U2, NOW - 400 * MINUTE)
    desk.run(JOB)
    assert desk.emitted() == [nudge(anchor_last_read_at="2026-03-02T11:20:00+00:00")]


def test_who_wrote_the_newest_message_is_not_nudged(desk: Desk) -> None:
    unread(desk)
    desk.say(T1, U2, STALE)
    assert desk.run(JOB).due == 1
    assert nudged(desk) == [U1]


@pytest.mark.parametrize("channel", ["in_app", "email", "*"])
def test_g75_who_muted_the_thread_is_not_nudged(desk: Desk, channel: str) -> None:
    unread(desk)
    desk.prefer(U2, "muted", name="thread_unread_stale", channel=channel, thread=T1)
    assert desk.run(JOB) == Counts(scanned=7, due=1, skipped=1)
    assert desk.emitted() == []
    for table in ("unread_thread_stale_log", "fanout.thread_nudges"):
        assert desk.count(table) == 0


def test_g75_fix_what_they_say_of_email_wins_over_what_they_say_of_the_app(desk: Desk) -> None:
    unread(desk)
    desk.prefer(U2, "muted", name="thread_unread_stale", thread=T1)
    desk.prefer(U2, "immediate", name="thread_unread_stale", channel="email", thread=T1)
    assert desk.run(JOB).emitted == 1


def test_who_no_longer_mutes_the_thread_is_nudged_then(desk: Desk) -> None:
    unread(desk)
    desk.prefer(U2, "muted", thread=T1)
    desk.run(JOB)
    desk.execute("DELETE FROM user_notification_preferences")
    assert desk.run(JOB, now=NOW + 15 * MINUTE).emitted == 1


def test_g76_a_dry_run_shows_the_nudges_and_writes_nothing(desk: Desk) -> None:
    unread(desk)
    (page,) = desk.pages(JOB, dry_run=True)
    assert page.counts == Counts(scanned=7, due=1)
    (shown,) = page.preview
    assert (shown["thread_label"], shown["project_name"], shown["would_notify"]) == (
        "#General", "Tower", True,
    )  # fmt: skip
    for table in ("domain_events", "unread_thread_stale_log", "fanout.thread_nudges"):
        assert desk.count(table) == 0


@pytest.mark.parametrize(
    ("topic", "label"),
    [(None, "#general"), ("", "#general"), (" ", "#general"), ("#deal", "#deal"), ("a", "#a")],
)
def test_a_dry_run_calls_a_thread_as_people_see_it(
    desk: Desk, topic: str | None, label: str
) -> None:
    unread(desk)
    desk.execute("UPDATE chat_threads SET topic = %s", topic)
    (page,) = desk.pages(JOB, dry_run=True)
    assert [each["thread_label"] for each in page.preview] == [label]


def test_a_new_message_that_becomes_stale_is_another_nudge(desk: Desk) -> None:
    unread(desk)
    desk.run(JOB)
    desk.say(T1, U1, NOW)
    assert desk.run(JOB, now=NOW + 180 * MINUTE).due == 0
    # U3 has read up to a minute before it.
    assert desk.run(JOB, now=NOW + 181 * MINUTE).emitted == 2
    assert nudged(desk) == sorted([U2, U2, U3])


def test_after_a_newer_message_was_deleted_nobody_is_nudged_about_an_older_one(
    desk: Desk,
) -> None:
    unread(desk)
    desk.say(T1, U1, STALE - DAY)
    desk.run(JOB)
    desk.execute("DELETE FROM project_messages WHERE created_at = %s", STALE)
    assert desk.run(JOB, now=NOW + 15 * MINUTE).due == 0


@pytest.mark.parametrize("old", [14 * DAY, 14 * DAY + timedelta(microseconds=1)], ids=str)
def test_6_6_9_a_thread_that_was_left_for_two_weeks_is_left_alone(
    desk: Desk, old: timedelta
) -> None:
    unread(desk)
    desk.execute("UPDATE project_messages SET created_at = %s", NOW - old)
    assert desk.run(JOB).emitted == (1 if old == 14 * DAY else 0)
    assert desk.run(JOB, most_stale_days=30).emitted == (0 if old == 14 * DAY else 1)


def test_6_6_9_who_joined_later_is_not_nudged_about_what_was_said_before(desk: Desk) -> None:
    unread(desk)
    desk.read(T1, U2, EPOCH, joined=STALE + MINUTE)
    assert desk.run(JOB).due == 0


def test_6_6_9_who_joined_in_between_is_nudged_about_what_was_said_since(desk: Desk) -> None:
    unread(desk)
    desk.say(T1, U1, STALE - DAY)
    desk.read(T1, U2, EPOCH, joined=STALE - MINUTE)
    desk.run(JOB)
    assert desk.emitted() == [nudge()]


def test_6_5_1_the_applications_ai_is_not_nudged(desk: Desk) -> None:
    unread(desk)
    desk.execute(
        "INSERT INTO chat_thread_participants (thread_id, user_id, created_at) VALUES (%s, %s, %s)",
        T1, U0, LONG_AGO,
    )  # fmt: skip
    desk.run(JOB)
    assert nudged(desk) == [U2]
    assert desk.run(JOB, system_users=[str(U1), str(U2)]).emitted == 1
    assert nudged(desk) == sorted([U0, U2])


def test_what_the_application_logged_itself_is_not_emitted_again(desk: Desk) -> None:
    unread(desk)
    desk.execute(
        "INSERT INTO unread_thread_stale_log (thread_id, user_id, latest_message_at)"
        " VALUES (%s, %s, %s)",
        T1, U2, STALE,
    )  # fmt: skip
    assert desk.run(JOB).due == 0


def test_6_6_6_a_log_row_of_another_run_costs_nobody_else_theirs(desk: Desk) -> None:
    unread(desk)
    desk.read(T1, U3, EPOCH)
    desk.execute(
        "INSERT INTO unread_thread_stale_log (thread_id, user_id, latest_message_at)"
        " VALUES (%s, %s, %s)",
        T1, U2, STALE,
    )  # fmt: skip
    assert desk.run(JOB).emitted == 1
    assert nudged(desk) == [U3]


def test_6_6_8_every_thread_is_looked_at_however_many_there_are(desk: Desk) -> None:
    threads = [uuid5(T1, str(number)) for number in range(1_500)]
    desk.execute(
        "INSERT INTO chat_threads (id, project_id, topic)"
        " SELECT id, %s, 'General' FROM unnest(%s) AS id",
        P1, threads,
    )  # fmt: skip
    desk.execute(
        "INSERT INTO chat_thread_participants (thread_id, user_id, created_at)"
        " SELECT id, %s, %s FROM unnest(%s) AS id",
        U2, LONG_AGO, threads,
    )  # fmt: skip
    desk.execute(
        "INSERT INTO project_messages (thread_id, user_id, created_at)"
        " SELECT id, %s, %s FROM unnest(%s) AS id",
        U1, STALE, threads,
    )  # fmt: skip
    assert desk.run(JOB, most=100).emitted == 1_500


def test_a_small_page_ends_anywhere_and_the_next_goes_on_there(desk: Desk) -> None:
    for thread, people in ((T1, (U1, U2, U3)), (T2, (U1, U2))):
        desk.say(thread, U1, STALE)
        for person in people:
            desk.read(thread, person, EPOCH)
    pages = desk.pages(JOB, most=1)
    assert [page.counts.scanned for page in pages] == [1] * 7 + [0]
    assert nudged(desk) == sorted([U2, U3, U2])


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[Desk]:
    """The world of G70, for many examples."""
    with databases.migrated() as database:
        with database.connect() as connection:
            populate(connection)
        desk = Desk(database)
        unread(desk)
        yield desk


ELSEWHERE: Final = uuid5(T1, "elsewhere")
ROWS: Final = st.lists(
    st.builds(
        PreferenceRow,
        id=st.uuids(),
        scope=st.sampled_from(Scope),
        scope_id=st.sampled_from([None, P1, T1, ELSEWHERE]),
        event_type=st.sampled_from(["*", "thread_unread_stale", "chat_message"]),
        channel=st.sampled_from(["*", "email", "in_app", "push"]),
        status=st.sampled_from(["muted", "immediate", "digest"]),
        updated_at=st.sampled_from([NOW, NOW - DAY]),
    ),
    max_size=6,
    unique_by=(
        lambda row: row.id,
        lambda row: (row.scope, row.scope_id, row.event_type, row.channel),
    ),
)


@settings(max_examples=40)
@given(rows=ROWS)
def test_a_person_is_left_out_just_when_the_rule_of_preferences_says_that_they_muted_it(
    world: Desk, rows: list[PreferenceRow]
) -> None:
    with world.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM user_notification_preferences")
        cursor.executemany(
            "INSERT INTO user_notification_preferences (id, user_id, scope_type, scope_id,"
            " event_type, channel, status, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (row.id, U2, row.scope.name.lower(), row.scope_id, row.event_type, row.channel,
                 row.status, row.updated_at)
                for row in rows
            ],
        )  # fmt: skip
    rule = resolve(
        rows,
        ThreadUnreadStaleHandler.preference,
        Channel.EMAIL,
        thread_id=ThreadId(T1),
        project_id=ProjectId(P1),
    )
    (page,) = world.pages(JOB, dry_run=True)
    assert [each["would_notify"] for each in page.preview] == [not rule.muted]


MINUTES: Final = st.integers(-10, 20 * 24 * 60)


@settings(max_examples=40)
@given(
    messages=st.lists(st.tuples(MINUTES, st.sampled_from([U1, U2])), min_size=1, max_size=5),
    read=MINUTES,
    joined=MINUTES,
)
def test_who_is_nudged_and_about_how_many_messages_is_as_the_definition_says(
    world: Desk, messages: list[tuple[int, UUID]], read: int, joined: int
) -> None:
    world.execute("DELETE FROM project_messages")
    world.execute("DELETE FROM user_notification_preferences")
    times = [(NOW - age * MINUTE, author) for age, author in messages]
    with world.database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO project_messages (thread_id, user_id, created_at) VALUES (%s, %s, %s)",
            [(T1, author, at) for at, author in times],
        )
    world.read(T1, U1, NOW + DAY)
    world.read(T1, U2, NOW - read * MINUTE, joined=NOW - joined * MINUTE)
    (page,) = world.pages(JOB, dry_run=True)
    expected = definition(times, NOW - read * MINUTE, NOW - joined * MINUTE)
    assert [each["unread_count"] for each in page.preview] == ([expected] if expected else [])


def definition(
    messages: list[tuple[datetime, UUID]], read: datetime, joined: datetime
) -> int | None:
    """How many messages U2 is nudged about; None if not at all."""
    # Of several at one time the last one written is the newest.
    newest, author = max(enumerate(messages), key=lambda each: (each[1][0], each[0]))[1]
    read_up_to = max(read, joined) if joined <= NOW else read
    if author == U2 or newest <= read_up_to:
        return None
    if not NOW - 14 * DAY <= newest < NOW - 180 * MINUTE:
        return None
    return sum(at > read_up_to and author != U2 for at, author in messages)
