"""digests: one for each person and window, of all that waits."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from psycopg import errors

from pipeline.domain.delivery import DeliveryChannel, delivery_id
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.domain.record import RecordKey
from pipeline.jobs.digests import DIGESTS
from pipeline.jobs.job import Counts, Digests, Input
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from pipeline.steps.run_digests import run_digests
from pipeline.steps.runners import RUNNERS, pages_of
from tests.databases import Database, Databases
from tests.golden.world import U1, U2, U3, U4, populate
from tests.jobs.post import BEFORE, DAY, HOUR, MINUTE, NOW, Made, Post

WINDOW = "2026-03-02T18:00:00Z"
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.fixture
def post(database: Database) -> Post:
    with database.connect() as connection:
        populate(connection)
    post = Post(database)
    post.switch_on()
    return post


def test_all_that_waits_for_a_person_is_one_digest(post: Post) -> None:
    two, three = post.queue(U2, number=2), post.queue(U3)
    assert post.digest() == Counts(scanned=2, due=2, emitted=2)
    assert sorted(post.digests()) == sorted([Made(U2, WINDOW, two), Made(U3, WINDOW, three)])
    assert set(post.statuses().values()) == {"processing"}


def test_a_digest_is_a_delivery_with_the_key_of_its_window_and_person(post: Post) -> None:
    post.queue(U2)
    post.digest()
    cause = RecordKey("digest", WINDOW)
    id_ = delivery_id(cause, DeliveryChannel.EMAIL, str(U2))
    assert post.rows(
        "SELECT id, cause, channel, recipient, kind, user_id, source, source_id, priority, switch,"
        " expires_at - created_at = interval '24 hours' FROM fanout.deliveries"
    ) == [
        (
            id_, str(cause), "email", str(U2), "digest_aggregated", U2, "digest_rows", str(id_), 3,
            "mail:digest_aggregated", True,
        )
    ]  # fmt: skip


def test_501_rows_are_one_digest(post: Post) -> None:
    emails = post.queue(U2, number=501)
    post.digest(most=1)
    assert post.digests() == [Made(U2, WINDOW, emails)]


def test_pages_of_people_make_the_same_digests(post: Post) -> None:
    for user in (U1, U2, U3, U4):
        post.queue(user, number=2)
    pages = post.digest_pages(most=3)
    assert [page.counts.emitted for page in pages] == [3, 1]
    assert len(post.digests()) == 4


def test_a_window_that_is_run_again_makes_nothing(post: Post) -> None:
    post.queue(U2)
    post.digest()
    before = post.digests()
    assert post.digest() == Counts()
    assert post.digests() == before


def test_what_comes_meanwhile_waits_for_the_next_window(post: Post) -> None:
    first = post.queue(U2)
    post.digest()
    second = post.queue(U2, at=NOW + MINUTE)
    # Committed late: its time is before the window, but its window was run already.
    third = post.queue(U2)
    assert post.digest(now=NOW + 15 * MINUTE).emitted == 0
    post.end_digests()
    assert post.digest(now=NOW + HOUR).emitted == 1
    assert post.digests() == [
        Made(U2, WINDOW, first, "done"),
        Made(U2, "2026-03-02T19:00:00Z", second + third),
    ]


def test_nobody_gets_a_second_digest_while_the_first_is_on_its_way(post: Post) -> None:
    post.queue(U2)
    post.digest()
    post.queue(U2, at=NOW + MINUTE)
    post.execute("UPDATE fanout.deliveries SET state = 'paused'")
    assert post.digest(now=NOW + HOUR) == Counts(scanned=1, due=1, skipped=1)
    post.end_digests("expired")
    assert post.digest(now=NOW + 2 * HOUR).emitted == 1


def test_a_late_run_does_its_window_and_tells_what_was_queued_before_it(post: Post) -> None:
    emails = post.queue(U2)
    post.queue(U2, at=NOW + 5 * MINUTE)
    assert post.digest(now=NOW + 40 * MINUTE).emitted == 1
    assert post.digests() == [Made(U2, WINDOW, emails)]


def test_a_tick_that_comes_hours_late_opens_the_window_of_the_clock(post: Post) -> None:
    [(clock,)] = post.rows("SELECT statement_timestamp() AT TIME ZONE 'UTC'")
    clock = clock.replace(tzinfo=UTC)
    # This hour, and the next one in case that it begins meanwhile.
    hours = sorted({clock.hour, (clock + HOUR).hour})
    post.execute("UPDATE fanout.digest_hours SET hours = %s, zone = 'UTC'", hours)
    emails = post.queue(U2, at=clock - 2 * HOUR)
    # A time a day ago was given by a person, who wants to see that day.
    assert post.digest(now=clock - DAY - HOUR) == Counts()
    assert post.digest(now=clock - 3 * HOUR).emitted == 1
    assert [made.emails for made in post.digests()] == [emails]


def test_a_missed_window_is_done_by_the_next_one(post: Post) -> None:
    emails = post.queue(U2, at=NOW - 5 * HOUR) + post.queue(U2)
    post.digest()
    assert post.digests() == [Made(U2, WINDOW, emails)]


@pytest.mark.parametrize(
    ("hour", "minute", "number"), [(5, 59, 0), (6, 0, 1), (18, 0, 1), (18, 59, 1), (19, 0, 0)]
)
def test_g93_digests_are_made_from_six_to_six_in_los_angeles(
    post: Post, hour: int, minute: int, number: int
) -> None:
    now = datetime(2026, 3, 2, hour, minute, tzinfo=LOS_ANGELES)
    post.queue(U2, at=now - HOUR)
    assert post.digest(now=now).emitted == number


@pytest.mark.parametrize("day", [datetime(2026, 3, 8), datetime(2026, 11, 1)])  # noqa: DTZ001
def test_g93_f28_thirteen_windows_on_the_days_on_which_clocks_change(
    post: Post, day: datetime
) -> None:
    now = day.replace(tzinfo=LOS_ANGELES).astimezone(ZoneInfo("UTC"))
    end = (day + DAY).replace(tzinfo=LOS_ANGELES)
    hours = []
    while now < end:
        post.queue(U2, at=now - timedelta(seconds=1))
        emitted = post.digest(now=now).emitted
        hours += [now.astimezone(LOS_ANGELES).hour] * emitted
        # A second run of the same instant.
        assert post.digest(now=now).emitted == 0
        post.end_digests()
        now += HOUR
    assert hours == list(range(6, 19))


def test_hours_and_zone_can_be_changed(post: Post) -> None:
    post.queue(U2)
    post.execute("UPDATE fanout.digest_hours SET hours = '{19}', zone = 'Europe/Berlin'")
    assert post.digest().emitted == 1
    assert post.digest(now=NOW + HOUR).scanned == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fanout.digest_hours SET hours = '{}'",
        "UPDATE fanout.digest_hours SET hours = '{6,24}'",
        "UPDATE fanout.digest_hours SET hours = '{6,NULL}'",
        "UPDATE fanout.digest_hours SET zone = 'Mars/Base'",
        "INSERT INTO fanout.digest_hours (only_one) VALUES (false)",
    ],
)
def test_hours_that_do_not_exist_are_refused_where_they_are_set(post: Post, change: str) -> None:
    with pytest.raises((errors.CheckViolation, errors.InvalidParameterValue)):
        post.execute(change)


def test_a_zone_that_only_postgres_knows_is_an_error_of_the_configuration(post: Post) -> None:
    post.execute("UPDATE fanout.digest_hours SET zone = 'XYZ5'")
    with pytest.raises(ConfigurationError, match="invalid zone in fanout"):
        post.digest()


def test_people_have_the_zone_that_the_application_names(post: Post) -> None:
    post.execute(
        "ALTER TABLE profiles ADD COLUMN time_zone text;"
        "CREATE OR REPLACE VIEW fanout.person_zones AS"
        " SELECT id AS user_id, time_zone AS zone FROM profiles"
    )
    zones = {U1: "Asia/Kolkata", U2: "Europe/Berlin", U3: "Nowhere/At all", U4: None}
    for user, zone in zones.items():
        post.execute("UPDATE profiles SET time_zone = %s WHERE id = %s", zone, user)
        post.queue(user, at=NOW - 6 * HOUR)
    # 23:30 in Kolkata, 19:00 in Berlin, 10:00 in Los Angeles.
    assert post.digest() == Counts(scanned=4, due=2, emitted=2)
    assert {made.user for made in post.digests()} == {U3, U4}
    # Half past the hour in UTC, the hour in Kolkata.
    morning = datetime(2026, 3, 3, 6, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert post.digest(now=morning - MINUTE).emitted == 0
    assert post.digest(now=morning).emitted == 1
    assert post.digests()[-1].window == "2026-03-03T00:30:00Z"


def test_ten_thousand_old_rows_make_no_digest(post: Post) -> None:
    post.queue(U2, at=NOW - 40 * DAY, number=5_000)
    post.queue(U2, at=NOW - 3 * DAY, number=5_000)
    assert post.digest() == Counts()
    # The control: they would, if they were young.
    post.execute("UPDATE pending_emails SET created_at = %s", BEFORE)
    assert post.digest().emitted == 1


def test_what_was_queued_before_mail_was_switched_on_is_never_sent(post: Post) -> None:
    post.execute("UPDATE fanout.channels SET since = %s", NOW - HOUR)
    post.queue(U2, at=NOW - HOUR - MINUTE)
    young = post.queue(U2, at=NOW - HOUR)
    post.digest()
    assert post.digests() == [Made(U2, WINDOW, young)]


def test_where_there_is_one_window_a_day_a_row_may_wait_for_it_and_miss_one(post: Post) -> None:
    post.execute("UPDATE fanout.digest_hours SET hours = '{10}'")
    post.queue(U2, at=NOW - 2 * DAY - MINUTE)
    emails = post.queue(U2, at=NOW - 2 * DAY) + post.queue(U2, at=NOW - DAY)
    post.digest()
    assert post.digests() == [Made(U2, WINDOW, emails)]


def test_mails_that_are_sent_at_once_are_not_touched(post: Post) -> None:
    post.queue(U2, delivery="immediate")
    assert post.digest() == Counts()
    assert set(post.statuses().values()) == {"pending"}


def test_what_another_sender_has_taken_is_in_no_digest(post: Post) -> None:
    theirs, ours = post.queue(U2, number=2)
    post.execute("UPDATE pending_emails SET status = 'processing' WHERE id = %s", theirs)
    post.digest()
    assert post.digests() == [Made(U2, WINDOW, [ours])]


def test_a_row_that_somebody_resets_is_not_told_again(post: Post) -> None:
    post.queue(U2)
    post.digest()
    post.end_digests()
    post.execute("UPDATE pending_emails SET status = 'pending'")
    assert post.digest(now=NOW + HOUR).emitted == 0
    assert len(post.digests()) == 1


def test_a_dry_run_shows_the_digests_and_makes_none(post: Post) -> None:
    post.queue(U2, number=2)
    (page,) = post.digest_pages(dry_run=True)
    assert page.counts == Counts(scanned=1, due=1)
    assert page.preview == [
        {"user_id": str(U2), "window": "2026-03-02T18:00:00+00:00", "emails": 2,
         "pushes": 0, "would_notify": True}
    ]  # fmt: skip
    assert post.digests() == []
    assert set(post.statuses().values()) == {"pending"}


def test_without_the_switch_there_is_nothing_to_do(post: Post) -> None:
    post.queue(U2)
    post.execute("DELETE FROM fanout.channels")
    assert post.digest() == Counts()


def test_a_database_without_mail_has_nothing_to_do(databases: Databases) -> None:
    with databases.empty() as database:
        migrate(database.dsn, reference_schema=True, family=Family.JOBS)
        settings = DatabaseSettings(dsn=database.jobs_dsn)
        (page,) = pages_of(settings, DIGESTS, Input(now=NOW), RUNNERS)
    assert page.counts == Counts()


def test_the_job_has_no_parameters(post: Post) -> None:
    with pytest.raises(UsageError, match="expected none: the job has no parameters"):
        next(run_digests(post.job_settings, Digests(), Input(now=NOW, changed={"most": 1})))
