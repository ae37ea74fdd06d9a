"""The job renew-calendar-watches, against real Postgres and a loopback Google."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest

from local.google_calendar import REFRESH, STOP, WATCH, Reply, google_error, oauth_error
from pipeline.domain.errors import ConfigurationError, PermanentError, TransientError
from pipeline.domain.lease import WorkState
from pipeline.jobs.job import CalendarWatches, Counts, Input
from pipeline.jobs.renew_calendar_watches import RENEW_CALENDAR_WATCHES
from pipeline.jobs.tick import Tick
from pipeline.ops.doctor.check import Severity
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.renew_watches import PAGE_SIZE, WORKERS, renew_watches
from pipeline.steps.run_job import JobRunner
from pipeline.steps.runners import runners_with
from pipeline.steps.watches.turn import MOST_UNANSWERED
from tests.databases import Database
from tests.deadline import wait_until
from tests.jobs.calendars import DAY, HOUR, NOW, SECOND, SECRET, Calendars, calendars_in
from tests.ops.examination import found
from tests.steps.runs import run_tick

MINUTES: Final = timedelta(minutes=5)
CANARY: Final = "canary"


@pytest.fixture
def calendars(database: Database) -> Iterator[Calendars]:
    with calendars_in(database) as calendars:
        yield calendars


def is_renewed(calendars: Calendars, connection: UUID) -> bool:
    """Whether the watch is a new one that exists, and the old one does not."""
    row = calendars.row(connection)
    new = row["watch_channel_id"]
    return (
        new in calendars.server.channels
        and new.startswith("fanout-")
        and calendars.server.channels[new].resource_id == row["watch_resource_id"]
        and row["watch_expiration"] == NOW + timedelta(days=7)
    )


def only_saved_channels_exist(calendars: Calendars, *connections: UUID) -> bool:
    saved = {calendars.channel(each) for each in connections}
    return set(calendars.server.channels) == saved and calendars.known_channels() == []


# G96


@pytest.mark.parametrize(
    ("expiration", "is_due"),
    [
        (NOW + DAY, True),
        (NOW + DAY + SECOND, False),
        (NOW - DAY, True),
        (None, False),
        ("infinity", False),
        ("-infinity", True),
    ],
)
def test_g96_a_watch_that_ends_within_a_day_is_renewed(
    calendars: Calendars, expiration: object, *, is_due: bool
) -> None:
    connection = calendars.connect(watch_expiration=expiration)
    counts = calendars.run()
    assert counts == Counts(scanned=is_due, due=is_due, emitted=is_due)
    if is_due:
        assert is_renewed(calendars, connection)
        assert only_saved_channels_exist(calendars, connection)
    else:
        assert calendars.server.asked == []
        assert calendars.channel(connection) == "old-canary-0"


@pytest.mark.parametrize(
    "columns",
    [
        {"watch_channel_id": None},
        {"provider": "microsoft"},
        {"provider": "apple"},
        {"sync_enabled": False},
    ],
)
def test_g96_others_are_left_alone(calendars: Calendars, columns: dict[str, Any]) -> None:
    calendars.connect(**columns)
    assert calendars.run() == Counts()
    assert calendars.server.asked == []


# G97


@pytest.mark.parametrize(
    ("columns", "is_refreshed"),
    [
        ({"token_expires_at": NOW + MINUTES}, True),
        ({"token_expires_at": NOW + MINUTES + SECOND}, False),
        ({"token_expires_at": None}, True),
        ({"access_token": None}, True),
        ({"access_token": "no\ntoken"}, True),
    ],
)
def test_g97_an_access_token_is_used_as_it_is_or_refreshed_once(
    calendars: Calendars, columns: dict[str, Any], *, is_refreshed: bool
) -> None:
    connection = calendars.connect(**columns)
    assert calendars.run().emitted == 1
    assert is_renewed(calendars, connection)
    assert len(calendars.server.asked_for(REFRESH)) == is_refreshed
    row = calendars.row(connection)
    [watch, stop] = calendars.server.asked_for(WATCH) + calendars.server.asked_for(STOP)
    assert watch.authorization == stop.authorization == f"Bearer {row['access_token']}"
    if is_refreshed:
        assert row["token_expires_at"] == NOW + timedelta(seconds=3599)
    assert row["refresh_token"] in calendars.server.grants


def test_g97_without_a_refresh_token_only_that_row_fails(calendars: Calendars) -> None:
    broken = calendars.connect(token_expires_at=None, refresh_token=None)
    whole = calendars.connect()
    assert calendars.run() == Counts(scanned=2, due=2, emitted=1, failed=1)
    assert is_renewed(calendars, whole)
    assert calendars.channel(broken) == "old-canary-0"
    [mark] = calendars.revoked()
    assert (mark["connection_id"], mark["reason"]) == (broken, "no_refresh_token")


def test_g97_without_a_refresh_token_a_fresh_access_token_will_do(calendars: Calendars) -> None:
    connection = calendars.connect()
    calendars.update(connection, "refresh_token", None)
    assert calendars.run().emitted == 1


# G98


@pytest.mark.parametrize(
    ("calendar_list", "watched"),
    [
        ([{"id": "a", "selected": True}, {"id": "b", "primary": True}], "b"),
        ([{"id": "a", "selected": True}], "a"),
        ([{"id": "a"}, {"id": "b", "selected": True}, {"id": "c", "selected": True}], "b"),
        ([], "primary"),
        (None, "primary"),
        ({}, "primary"),
        ("text", "primary"),
        (7, "primary"),
        ([None, 7, [], "x", {"id": "a", "selected": True}], "a"),
        ([{"primary": True}, {"id": "a", "selected": True}], "a"),
        ([{"id": 7, "primary": True}], "primary"),
        ([{"id": "", "primary": True}], "primary"),
        ([{"id": "a", "primary": "true"}], "primary"),
        ([{"id": {"id": "a"}, "primary": True}], "primary"),
        ({"id": "a", "primary": True}, "a"),
    ],
)
def test_g98_the_primary_calendar_is_watched_or_the_first_selected_one(
    calendars: Calendars, calendar_list: object, watched: str
) -> None:
    connection = calendars.connect(calendar_list=calendar_list)
    calendars.server.grants["1//canary-0"].calendars |= {"a", "b", "c"}
    assert calendars.run() == Counts(scanned=1, due=1, emitted=1)
    made = calendars.server.channels[calendars.channel(connection)]
    assert made.calendar_id == watched


# G99


def test_g99_a_channel_that_cannot_be_stopped_does_not_matter(calendars: Calendars) -> None:
    connection = calendars.connect()
    calendars.server.channels.clear()
    assert calendars.run() == Counts(scanned=1, due=1, emitted=1)
    assert is_renewed(calendars, connection)
    assert only_saved_channels_exist(calendars, connection)


def test_g99_a_watch_that_cannot_be_made_leaves_its_row_and_the_next_is_renewed(
    calendars: Calendars,
) -> None:
    broken = calendars.connect(id=UUID(int=1))
    whole = calendars.connect(id=UUID(int=2))
    calendars.server.grants["1//canary-0"].calendars.clear()
    before = calendars.row(broken)
    assert calendars.run() == Counts(scanned=2, due=2, emitted=1, failed=1)
    assert calendars.row(broken) == before
    assert is_renewed(calendars, whole)
    assert "old-canary-0" in calendars.server.channels


# G100


def test_g100_the_new_watch_is_made_and_saved_before_the_old_one_is_stopped(
    calendars: Calendars,
) -> None:
    connection = calendars.connect()
    seen: list[str] = []
    usual = calendars.server.reply

    def reply(path: str, body: bytes, authorization: str | None) -> Reply:
        seen.append(f"{path.rpartition('/')[2]}: {calendars.row(connection)['watch_channel_id']}")
        return usual(path, body, authorization)

    calendars.server.reply = reply  # type: ignore[method-assign]
    calendars.run()
    new = calendars.channel(connection)
    assert seen == ["watch: old-canary-0", f"stop: {new}"]
    [asked] = calendars.server.asked_for(STOP)
    assert asked.body["id"] == "old-canary-0"


def test_g100_the_id_of_the_calendar_is_percent_encoded(calendars: Calendars) -> None:
    calendars.connect(calendar_list=[{"id": "a#b@c/d", "primary": True}])
    calendars.server.grants["1//canary-0"].calendars.add("a#b@c/d")
    assert calendars.run().emitted == 1
    [asked] = calendars.server.asked_for(WATCH)
    assert asked.path == "/calendar/v3/calendars/a%23b%40c%2Fd/events/watch"
    assert asked.body["address"] == "https://app.example.com/hook"
    # Google shortens it, and the row has the real end.
    assert asked.body["expiration"] >= (NOW + timedelta(days=7)).timestamp() * 1000


# What can go wrong.


@pytest.mark.parametrize(
    ("operation", "reply", "words"),
    [
        (WATCH, google_error(404, "notFound", CANARY), "404 notFound"),
        (WATCH, google_error(403, "forbidden", CANARY), "403 forbidden"),
        (WATCH, google_error(400, "invalid", CANARY), "400 invalid"),
        (WATCH, google_error(500, "backendError", CANARY), "500 backendError"),
        (WATCH, Reply(status=200, body=b"canary"), "names no resource"),
        (WATCH, google_error(403, "userRateLimitExceeded", CANARY), "userRateLimitExceeded"),
        (WATCH, google_error(429, "userRateLimitExceeded", CANARY), "429"),
        (REFRESH, oauth_error(500, "internal_failure", CANARY), "cannot answer now"),
        (REFRESH, oauth_error(400, "invalid_scope", CANARY), "invalid_scope"),
        (REFRESH, Reply(status=200, body=b"canary"), "no access token"),
    ],
)
def test_one_failure_stops_no_other_and_is_made_good_by_the_next_run(
    calendars: Calendars,
    operation: str,
    reply: Reply,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    calendars.server.answer_next(operation, reply)
    columns = {"token_expires_at": None} if operation == REFRESH else {}
    connections = [calendars.connect(**columns) for _ in range(WORKERS)]
    assert calendars.run() == Counts(scanned=8, due=8, emitted=7, failed=1)
    [record] = [each for each in caplog.records if "is not renewed" in each.getMessage()]
    assert words in record.getMessage()
    assert str(record.args and record.args[0]) in map(str, connections)  # type: ignore[index]
    calendars.end_claims()
    assert calendars.run() == Counts(scanned=1, due=1, emitted=1)
    assert all(is_renewed(calendars, each) for each in connections)
    assert only_saved_channels_exist(calendars, *connections)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (google_error(404, "notFound"), PermanentError, "2 watches not renewed: the log names"),
        (google_error(500, "backendError"), TransientError, "2 watches not renewed yet"),
    ],
)
def test_the_run_ends_as_what_its_failures_are_after_its_last_page(
    calendars: Calendars, reply: Reply, error: type[Exception], words: str
) -> None:
    for _ in range(2):
        calendars.connect()
    calendars.server.answer_next(WATCH, reply, reply)
    pages = calendars.pages()
    assert next(pages).counts == Counts(scanned=2, due=2, failed=2)
    with pytest.raises(error, match=words):
        next(pages)
    # Control: without failures it ends well.
    calendars.end_claims()
    assert [page.counts.emitted for page in calendars.pages()] == [2]


def test_an_access_token_that_ended_early_is_refreshed_once(calendars: Calendars) -> None:
    connection = calendars.connect()
    calendars.server.access_tokens.clear()
    assert calendars.run().emitted == 1
    assert is_renewed(calendars, connection)
    assert len(calendars.server.asked_for(REFRESH)) == 1
    assert calendars.row(connection)["access_token"] in calendars.server.access_tokens


def test_an_access_token_that_is_never_taken_is_refreshed_once_only(calendars: Calendars) -> None:
    calendars.connect()
    calendars.server.answer_always(WATCH, google_error(401, "authError"))
    assert calendars.run() == Counts(scanned=1, due=1, failed=1)
    assert len(calendars.server.asked_for(REFRESH)) == 1
    assert len(calendars.server.asked_for(WATCH)) == 2


def test_a_rotated_refresh_token_is_kept_before_anything_else_happens(
    calendars: Calendars,
) -> None:
    connection = calendars.connect(token_expires_at=None)
    rotated = "1//rotated"
    calendars.server.grants["1//canary-0"].rotates_to = rotated
    calendars.server.answer_next(WATCH, google_error(500, "backendError"))
    assert calendars.run().failed == 1
    assert calendars.row(connection)["refresh_token"] == rotated
    assert calendars.run().emitted == 1


def while_asked(
    calendars: Calendars, operation: str, change: Callable[[], None]
) -> Callable[[], None]:
    """Let something happen while Google is asked for an operation."""
    usual = calendars.server.reply

    def reply(path: str, body: bytes, authorization: str | None) -> Reply:
        answer = usual(path, body, authorization)
        if calendars.server.asked[-1].operation == operation:
            change()
        return answer

    calendars.server.reply = reply  # type: ignore[method-assign]

    def restore() -> None:
        calendars.server.reply = usual  # type: ignore[method-assign]

    return restore


def test_what_the_application_refreshed_meanwhile_is_not_overwritten(
    calendars: Calendars,
) -> None:
    connection = calendars.connect(token_expires_at=None)
    while_asked(calendars, REFRESH, lambda: calendars.update(connection, "access_token", "its own"))
    assert calendars.run().emitted == 1
    row = calendars.row(connection)
    assert (row["access_token"], row["token_expires_at"]) == ("its own", None)


def test_a_watch_that_the_application_renewed_meanwhile_is_kept_and_ours_is_stopped(
    calendars: Calendars,
) -> None:
    connection = calendars.connect()
    while_asked(
        calendars, WATCH, lambda: calendars.update(connection, "watch_channel_id", "its own")
    )
    assert calendars.run() == Counts(scanned=1, due=1, skipped=1)
    assert calendars.channel(connection) == "its own"
    # The old one is the application's to stop.
    assert set(calendars.server.channels) == {"old-canary-0"}
    assert calendars.known_channels() == []


def test_a_revoked_grant_is_marked_once_and_not_asked_for_again(
    calendars: Calendars, caplog: pytest.LogCaptureFixture
) -> None:
    connection = calendars.connect(token_expires_at=None)
    whole = calendars.connect()
    calendars.server.grants["1//canary-0"].is_revoked = True
    assert calendars.run() == Counts(scanned=2, due=2, emitted=1, failed=1)
    assert "the grant is revoked (invalid_grant)" in caplog.text
    [mark] = calendars.revoked()
    assert (mark["connection_id"], mark["state"], mark["reason"], mark["since"]) == (
        connection,
        "revoked",
        "invalid_grant",
        NOW,
    )
    asked = len(calendars.server.asked)
    assert calendars.run(NOW + HOUR) == Counts(scanned=1, due=1, skipped=1)
    assert len(calendars.server.asked) == asked
    assert calendars.revoked() == [mark]
    assert is_renewed(calendars, whole)
    # The person connects the calendar again.
    calendars.server.grants["1//again"] = calendars.server.grants.pop("1//canary-0")
    calendars.server.grants["1//again"].is_revoked = False
    calendars.update(connection, "refresh_token", "1//again")
    assert calendars.run(NOW + HOUR) == Counts(scanned=1, due=1, emitted=1)
    assert calendars.revoked() == []


def test_a_grant_is_not_marked_when_the_application_has_another_refresh_token_by_now(
    calendars: Calendars,
) -> None:
    connection = calendars.connect(token_expires_at=None)
    calendars.server.grants["1//canary-0"].is_revoked = True
    while_asked(
        calendars, REFRESH, lambda: calendars.update(connection, "refresh_token", "1//another")
    )
    assert calendars.run() == Counts(scanned=1, due=1, failed=1)
    assert calendars.revoked() == []


def test_what_is_of_no_use_is_forgotten(calendars: Calendars) -> None:
    connection = calendars.connect(token_expires_at=None, refresh_token=None)
    calendars.run()
    assert len(calendars.revoked()) == 1
    calendars.owner.execute("DELETE FROM calendar_connections WHERE id = %s", [connection])
    calendars.owner.execute(
        "INSERT INTO fanout.calendar_channels SELECT gen_random_uuid(), gen_random_uuid(),"
        " 'c', 'r', 'stopping', now(), %s",
        [NOW + DAY],
    )
    calendars.run()
    assert calendars.revoked() == calendars.known_channels() == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (oauth_error(401, "invalid_client", CANARY), "GOOGLE_CLIENT_ID or GOOGLE_CLIENT_SECRET"),
        (google_error(401, "push.webhookUrlUnauthorized", CANARY), "CALENDAR_WEBHOOK_URL"),
        (google_error(403, "accessNotConfigured", CANARY), "Calendar API is off"),
    ],
)
def test_what_a_person_must_fix_stops_the_run_and_leaves_every_row(
    calendars: Calendars, reply: Reply, words: str
) -> None:
    connections = [calendars.connect(token_expires_at=None) for _ in range(3 * WORKERS)]
    operation = WATCH if "webhook" in str(reply) or "access" in str(reply) else REFRESH
    calendars.server.answer_always(operation, reply)
    with pytest.raises(ConfigurationError, match=words) as raised:
        calendars.run()
    assert CANARY not in str(raised.value)
    assert calendars.revoked() == []
    calendars.server.answer_always(operation, None)
    assert calendars.run().emitted == len(connections)
    assert only_saved_channels_exist(calendars, *connections)


def test_what_may_not_go_now_is_left_for_the_next_run(
    calendars: Calendars, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(PAGE_SIZE + 5):
        calendars.connect()
    limit = google_error(429, "rateLimitExceeded", CANARY, retry_after="3600")
    calendars.server.answer_always(WATCH, limit)
    counts = calendars.run()
    assert counts == Counts(scanned=PAGE_SIZE + 5, due=PAGE_SIZE + 5, failed=PAGE_SIZE + 5)
    # Only those that were on their way when the first one was refused.
    assert len(calendars.server.asked) <= WORKERS
    assert "nothing is asked until" in caplog.text
    assert calendars.known_channels() == []
    # Control: without the limit the next run renews all.
    calendars.server.answer_always(WATCH, None)
    assert calendars.run().emitted == PAGE_SIZE + 5


def test_a_short_pause_is_waited_for(calendars: Calendars) -> None:
    connections = [calendars.connect() for _ in range(3)]
    limit = google_error(403, "rateLimitExceeded", CANARY, retry_after="1")
    calendars.server.answer_next(WATCH, limit)
    assert calendars.run() == Counts(scanned=3, due=3, emitted=3)
    assert only_saved_channels_exist(calendars, *connections)


def test_a_limit_of_one_person_is_nobody_elses(calendars: Calendars) -> None:
    for _ in range(20):
        calendars.connect()
    limit = google_error(403, "userRateLimitExceeded", CANARY, retry_after="3600")
    calendars.server.answer_next(WATCH, limit)
    assert calendars.run() == Counts(scanned=20, due=20, emitted=19, failed=1)


def test_a_google_that_does_not_answer_is_not_asked_for_ever(
    calendars: Calendars,
) -> None:
    number = 3 * PAGE_SIZE
    for _ in range(number):
        calendars.connect()
    calendars.server.answer_always(WATCH, google_error(503, "backendError"))
    assert calendars.run().failed == number
    assert len(calendars.server.asked) < MOST_UNANSWERED + WORKERS
    # Control: a lone failure stops nothing.
    calendars.server.answer_always(WATCH, None)
    calendars.end_claims()
    assert calendars.run().emitted == number


def test_at_most_so_many_are_asked_for_at_once(calendars: Calendars) -> None:
    connections = [calendars.connect() for _ in range(3 * WORKERS)]
    calendars.server.hold(WATCH)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(calendars.run)
        wait_until(
            lambda: calendars.server.most_at_once == WORKERS,
            seconds=30,
            what=f"{WORKERS} requests at once",
        )
        calendars.server.release()
        assert run.result(timeout=60).emitted == len(connections)
    assert calendars.server.most_at_once == WORKERS


def test_pages_follow_each_other_by_a_cursor(calendars: Calendars) -> None:
    for _ in range(PAGE_SIZE + 1):
        calendars.connect()
    pages = calendars.pages()
    first = next(pages)
    assert first.counts == Counts(scanned=PAGE_SIZE, due=PAGE_SIZE, emitted=PAGE_SIZE)
    pages.close()  # type: ignore[attr-defined]
    # Another process goes on from the cursor.
    rest = list(
        renew_watches(
            DatabaseSettings(dsn=calendars.database.jobs_dsn),
            CalendarWatches(),
            Input(now=NOW, after=first.cursor),
            calendar=calendars.settings,
        )
    )
    assert [page.counts.emitted for page in rest] == [1]
    assert rest[-1].cursor is None


def test_a_dry_run_asks_nobody_and_writes_nothing(calendars: Calendars) -> None:
    due = calendars.connect(token_expires_at=None)
    calendars.connect(watch_expiration=NOW + 2 * DAY)
    before = calendars.row(due)
    [page] = calendars.pages(dry_run=True, client_id="", client_secret="", webhook_url="")
    assert page.counts == Counts(scanned=1, due=1, emitted=1)
    assert page.preview == [{"connection_id": str(due)}]
    assert calendars.server.asked == []
    assert calendars.row(due) == before
    assert calendars.known_channels() == calendars.revoked() == []


def test_missing_settings_are_one_line_when_the_job_runs(calendars: Calendars) -> None:
    calendars.connect()
    with pytest.raises(ConfigurationError, match="not set: GOOGLE_CLIENT_ID;"):
        calendars.run(client_id="")


def test_an_application_without_calendars_is_told_what_to_do(calendars: Calendars) -> None:
    calendars.owner.execute("DROP TABLE calendar_connections")
    with pytest.raises(ConfigurationError, match="calendar_connections does not exist") as raised:
        calendars.run()
    assert "\n" not in str(raised.value)


def test_the_migration_passes_where_the_application_has_no_calendars(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, reference_schema=True)
    with empty_database.connect() as connection:
        connection.execute("DROP TABLE calendar_connections")
        assert "jobs/0020_calendar_watches.sql" in migrate(empty_database.dsn, family=Family.JOBS)
    assert found(empty_database, "jobs rights").severity == Severity.OK


# As a job: its run in the ledger.


def test_a_run_is_tried_again_until_nothing_is_left(calendars: Calendars) -> None:
    connections = [calendars.connect() for _ in range(3)]
    settings = DatabaseSettings(dsn=calendars.database.jobs_dsn)
    runner = JobRunner(
        settings=settings,
        bury=partial(write_dead_letters, settings, None),
        runners=runners_with(calendars.settings),
    )
    calendars.server.answer_next(WATCH, google_error(503, "backendError"))
    tick = Tick(job=RENEW_CALENDAR_WATCHES.name, scheduled_for=NOW)
    [first] = run_tick(runner, RENEW_CALENDAR_WATCHES, tick)
    assert (first.state, first.run.counts) == (
        WorkState.WAITING,
        Counts(scanned=3, due=3, emitted=2, failed=1),
    )
    calendars.owner.execute("UPDATE fanout.job_runs SET next_attempt_at = now()")
    [second] = runner.run_due(RENEW_CALENDAR_WATCHES)
    assert second.state is WorkState.DONE
    assert only_saved_channels_exist(calendars, *connections)


# Several processes, and ends in the middle.


def test_two_runs_at_once_renew_each_watch_once(calendars: Calendars) -> None:
    connections = [calendars.connect(token_expires_at=None) for _ in range(PAGE_SIZE)]
    start = threading.Barrier(2)

    def run() -> Counts:
        start.wait()
        return calendars.run()

    with ThreadPoolExecutor(2) as pool:
        first, second = [each.result(timeout=60) for each in (pool.submit(run), pool.submit(run))]
    assert first.emitted + second.emitted == len(connections)
    assert len(calendars.server.asked_for(WATCH)) == len(connections)
    assert all(is_renewed(calendars, each) for each in connections)
    assert only_saved_channels_exist(calendars, *connections)


def has_asked(calendars: Calendars, number: int) -> bool:
    return len(calendars.server.asked_for(WATCH)) == number


def test_control_without_the_claim_of_the_first_a_second_one_makes_a_watch_too(
    calendars: Calendars,
) -> None:
    connection = calendars.connect()
    calendars.server.hold(WATCH)
    with ThreadPoolExecutor(2) as pool:
        runs = []
        for number in (1, 2):
            calendars.owner.execute("DELETE FROM fanout.calendar_channels")
            runs.append(pool.submit(calendars.run))
            wait_until(
                partial(has_asked, calendars, number),
                seconds=30,
                what=f"watch {number}",
            )
        calendars.server.release()
        emitted = [run.result(timeout=60).emitted for run in runs]
    assert sorted(emitted) == [0, 1]
    # Even so only one is kept, and the other is stopped.
    assert is_renewed(calendars, connection)
    assert only_saved_channels_exist(calendars, connection)


@contextmanager
def running(calendars: Calendars) -> Iterator[subprocess.Popen[bytes]]:
    """The job as a process of its own."""
    settings = calendars.settings
    given = [
        calendars.database.jobs_dsn,
        NOW.isoformat(),
        settings.client_id,
        settings.client_secret,
        settings.webhook_url,
        settings.base_url,
        settings.token_url,
    ]
    with subprocess.Popen([sys.executable, "-m", "tests.jobs.renewing", *given]) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_while_asked(calendars: Calendars, operation: str) -> None:
    """Kill a process after Google was asked, and before it hears what Google did."""
    calendars.server.hold(operation)
    with running(calendars):
        wait_until(lambda: calendars.server.asked_for(operation), seconds=60, what=operation)
    before = set(calendars.server.channels)
    calendars.server.release()
    wait_until(
        lambda: set(calendars.server.channels) != before, seconds=30, what="what was asked for"
    )


def test_a_kill_between_the_new_watch_and_its_saving_leaves_one_channel_that_is_known(
    calendars: Calendars,
) -> None:
    connection = calendars.connect()
    kill_while_asked(calendars, WATCH)
    assert calendars.channel(connection) == "old-canary-0"
    [known] = calendars.known_channels()
    assert set(calendars.server.channels) == {"old-canary-0", known["channel_id"]}
    # While the dead process may still be at work, nobody else is.
    assert calendars.run() == Counts(scanned=1, due=1, failed=1)
    calendars.end_claims()
    assert calendars.run() == Counts(scanned=1, due=1, emitted=1)
    assert is_renewed(calendars, connection)
    assert only_saved_channels_exist(calendars, connection)


def test_control_a_channel_that_is_not_written_down_stays_at_google(calendars: Calendars) -> None:
    connection = calendars.connect()
    kill_while_asked(calendars, WATCH)
    calendars.owner.execute("DELETE FROM fanout.calendar_channels")
    assert calendars.run().emitted == 1
    assert not only_saved_channels_exist(calendars, connection)


def test_kills_one_after_the_other_leave_one_channel(calendars: Calendars) -> None:
    connection = calendars.connect()
    kill_while_asked(calendars, WATCH)
    first = calendars.known_channels()
    calendars.end_claims()
    usual_stop = len(calendars.server.asked_for(STOP))
    calendars.server.answer_next(WATCH, Reply(status=500, done_all_the_same=True))
    assert calendars.run().failed == 1
    # The one of the first kill was stopped before another was made.
    assert len(calendars.server.asked_for(STOP)) == usual_stop + 1
    [known] = calendars.known_channels()
    assert known["id"] != first[0]["id"]
    assert set(calendars.server.channels) == {"old-canary-0", known["channel_id"]}
    assert calendars.run().emitted == 1
    assert only_saved_channels_exist(calendars, connection)


def test_of_a_lost_answer_the_resource_is_found_with_the_next_watch(calendars: Calendars) -> None:
    connection = calendars.connect(watch_resource_id=None)
    calendars.server.answer_next(WATCH, Reply(status=500, done_all_the_same=True))
    assert calendars.run().failed == 1
    assert len(calendars.server.channels) == 2
    assert calendars.run().emitted == 1
    assert is_renewed(calendars, connection)
    assert set(calendars.server.channels) == {
        "old-canary-0",
        calendars.channel(connection),
    }
    assert calendars.known_channels() == []


def test_a_kill_before_the_old_watch_is_stopped_leaves_it_to_the_next_run(
    calendars: Calendars,
) -> None:
    connection = calendars.connect()
    kill_while_asked(calendars, STOP)
    assert is_renewed(calendars, connection)
    row = calendars.row(connection)
    [known] = calendars.known_channels()
    assert (known["channel_id"], known["state"]) == ("old-canary-0", "stopping")
    calendars.end_claims()
    assert calendars.run() == Counts(scanned=1)
    assert calendars.row(connection) == row
    assert only_saved_channels_exist(calendars, connection)


def test_an_old_watch_that_could_not_be_stopped_is_stopped_by_the_next_run(
    calendars: Calendars,
) -> None:
    connection = calendars.connect()
    calendars.server.answer_next(STOP, google_error(500, "backendError"))
    assert calendars.run() == Counts(scanned=1, due=1, emitted=1)
    assert "old-canary-0" in calendars.server.channels
    calendars.end_claims()
    assert calendars.run() == Counts(scanned=1)
    assert only_saved_channels_exist(calendars, connection)


# Secrets.


def test_no_token_channel_or_address_is_in_any_log_or_error(
    calendars: Calendars, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for operation, reply in (
        (WATCH, google_error(404, "notFound", CANARY)),
        (WATCH, google_error(500, "backendError", CANARY)),
        (WATCH, google_error(429, "userRateLimitExceeded", CANARY)),
        (WATCH, Reply(status=200, body=b'"canary"')),
        (REFRESH, oauth_error(400, "invalid_grant", CANARY)),
        (REFRESH, Reply(status=502, body=b"canary")),
        (STOP, google_error(403, "forbidden", CANARY)),
    ):
        calendars.server.answer_next(operation, reply)
    for number in range(20):
        calendars.connect(token_expires_at=None if number % 2 else NOW + HOUR)
    assert calendars.run().failed == 6
    calendars.server.answer_always(REFRESH, oauth_error(401, "invalid_client", CANARY))
    calendars.connect(token_expires_at=None)
    with pytest.raises(ConfigurationError) as raised:
        calendars.run()
    written = capfd.readouterr()
    text = "\n".join([caplog.text, str(raised.value), written.out, written.err])
    # Control: what is looked for is what is logged, and what was sent.
    assert "is not renewed" in text
    assert any(CANARY in str(each.body) for each in calendars.server.asked)
    assert CANARY not in text
    assert SECRET not in text
