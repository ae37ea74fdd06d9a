"""Retention of mail: what has ended goes, what waits stays, and nothing is sent a second time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import TERMINAL
from pipeline.jobs.job import Digests, Input
from pipeline.jobs.retention import OF_MAIL
from pipeline.ops.doctor.check import Severity
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from pipeline.steps.run_digests import run_digests
from tests.databases import Database, Databases
from tests.golden.world import U2
from tests.jobs.kept import DAY, OLD, YOUNG, Kept
from tests.ops.examination import found
from tests.producer.post import Post
from tests.steps.mail.desk import MailDesk

DELIVERIES: Final = "fanout.deliveries"
BODIES: Final = "fanout.delivery_bodies"
BATCHES: Final = "fanout.batch_requests"
ATTEMPTS: Final = "fanout.attempts of deliveries"
REPORTS: Final = "fanout.provider_reports"
ENDED: Final = ("done", "dead", "cancelled", "expired")
OPEN: Final = ("pending", "leased", "waiting", "paused", "held")
# The times of all that a mail leaves. What has ended refuses other changes than those of retention.
_AGE: Final = """
    SET LOCAL session_replication_role = replica;
    UPDATE fanout.deliveries SET created_at = created_at - {0}, finished_at = finished_at - {0};
    UPDATE fanout.attempts SET started_at = started_at - {0}, finished_at = finished_at - {0};
    UPDATE fanout.delivery_bodies SET created_at = created_at - {0};
    UPDATE fanout.batch_requests SET created_at = created_at - {0};
    UPDATE public.pending_emails SET created_at = created_at - {0};
    UPDATE fanout.channels SET since = since - {0};
"""


@pytest.fixture
def kept(database: Database) -> Iterator[Kept]:
    """An empty database."""
    with database.connect() as connection:
        yield Kept(database, connection)


def age(database: Database, by: timedelta = OLD) -> None:
    """Let this time pass for all mails."""
    with database.connect() as connection, connection.transaction():
        connection.execute(_AGE.format(f"interval '{by.days} days'").encode())


def pass_time(desk: MailDesk, by: timedelta = OLD) -> None:
    """Let this time pass for all mails, and for the provider, which then knows no key of today."""
    age(desk.stage.database, by)
    desk.server.clock = lambda: datetime.now(UTC) + by


def delivery(kept: Kept, state: str = "done", ended: timedelta = OLD, **columns: object) -> UUID:
    """Insert a delivery with a body and an attempt, which ended, or was last tried, so long ago."""
    mail = uuid4()
    values = {
        "id": mail, "cause": f"test:{mail}", "channel": "email", "recipient": "ann",
        "kind": "invite_accepted", "state": state,
        "lease_token": uuid4() if state == "leased" else None, **columns,
    }  # fmt: skip
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    kept.rows(
        f"INSERT INTO fanout.deliveries ({names}, created_at, finished_at)"  # noqa: S608 - our own
        f" VALUES ({marks}, now() - %s, CASE WHEN %s THEN now() - %s END)",
        *values.values(), ended, state in ENDED, ended,
    )  # fmt: skip
    kept.rows(
        "INSERT INTO fanout.delivery_bodies (delivery_id, provider, body, created_at)"
        " VALUES (%s, 'resend', 'x', now() - %s)",
        mail, ended,
    )  # fmt: skip
    kept.rows(
        "INSERT INTO fanout.attempts (source, record_id, number, started_at, finished_at, result)"
        " VALUES ('deliveries', %s, 1, now() - %s, now() - %s, 'failed')",
        str(mail), ended, ended,
    )  # fmt: skip
    return mail


def left(kept: Kept, table: str, column: str) -> set[Any]:
    return {row[0] for row in kept.rows(f"SELECT {column} FROM {table}")}  # noqa: S608 - our own


def test_every_end_is_known() -> None:
    assert set(ENDED) == TERMINAL


def test_what_has_ended_goes_with_all_of_it_and_what_waits_stays(kept: Kept) -> None:
    for state in ENDED:
        delivery(kept, state)
    open_ones = {delivery(kept, state) for state in OPEN}
    young = delivery(kept, ended=YOUNG)
    counts = kept.run(DELIVERIES)
    assert (counts.scanned, counts.due, counts.emitted) == (4, 4, 4)
    stay = {*open_ones, young}
    assert left(kept, DELIVERIES, "id") == left(kept, BODIES, "delivery_id") == stay
    assert left(kept, "fanout.attempts", "record_id::uuid") == stay


def test_what_another_channel_has_ended_stays(kept: Kept) -> None:
    signal = delivery(kept, channel="bus")
    assert kept.run(DELIVERIES).scanned == 0
    assert left(kept, DELIVERIES, "id") == {signal}


def test_bodies_go_some_days_after_the_end(kept: Kept) -> None:
    ended = [delivery(kept, ended=8 * DAY) for _ in range(3)]
    stay = {delivery(kept, ended=6 * DAY), *(delivery(kept, state) for state in OPEN)}
    counts = kept.run(BODIES)
    assert (counts.emitted, counts.skipped) == (3, len(OPEN))
    assert left(kept, BODIES, "delivery_id") == stay
    assert left(kept, DELIVERIES, "id") == {*stay, *ended}


def test_a_body_that_was_frozen_long_ago_of_a_mail_that_ended_today_stays(kept: Kept) -> None:
    mail = delivery(kept, ended=timedelta(0))
    kept.rows("UPDATE fanout.delivery_bodies SET created_at = now() - interval '50 days'")
    assert kept.run(BODIES).skipped == 1
    assert left(kept, BODIES, "delivery_id") == {mail}


def test_a_request_for_several_mails_goes_when_the_last_has_ended(kept: Kept) -> None:
    gone = uuid4()
    for key, members in {
        "all ended": [delivery(kept), gone],
        "one waits": [delivery(kept), delivery(kept, "held")],
        "one ended today": [delivery(kept), delivery(kept, ended=timedelta(0))],
    }.items():
        kept.rows(
            "INSERT INTO fanout.batch_requests (provider, key, members, body, created_at)"
            " VALUES ('resend', %s, %s, 'x', now() - %s)",
            key, members, OLD,
        )  # fmt: skip
    counts = kept.run(BATCHES)
    assert (counts.emitted, counts.skipped) == (1, 2)
    assert left(kept, BATCHES, "key") == {"one waits", "one ended today"}


def test_a_mail_stays_while_its_request_may_be_repeated(kept: Kept) -> None:
    waiting, over = uuid4(), uuid4()
    stays = delivery(kept, batch_id=waiting)
    other = delivery(kept, "paused", batch_id=waiting)
    delivery(kept, batch_id=over)
    counts = kept.run(DELIVERIES)
    assert (counts.emitted, counts.skipped) == (1, 1)
    assert left(kept, DELIVERIES, "id") == {stays, other}


def test_a_mail_stays_while_one_waits_that_it_has_replaced(kept: Kept) -> None:
    delivery(kept, collapse_key="chat")
    waiting = delivery(kept, "paused", collapse_key="chat")
    newer = delivery(kept, collapse_key="chat")
    delivery(kept, collapse_key="chat", recipient="bob")
    counts = kept.run(DELIVERIES)
    assert (counts.emitted, counts.skipped) == (2, 1)
    assert left(kept, DELIVERIES, "id") == {waiting, newer}


def test_attempts_at_what_has_not_ended_stay_and_those_of_others_go_by_age(kept: Kept) -> None:
    held = delivery(kept, "held")
    delivery(kept)
    young = delivery(kept, ended=YOUNG)
    counts = kept.run(ATTEMPTS)
    assert (counts.emitted, counts.skipped) == (1, 1)
    assert left(kept, "fanout.attempts", "record_id::uuid") == {held, young}


def test_reports_of_providers_go_by_age(kept: Kept) -> None:
    for report, received in (("old", 91 * DAY), ("young", 89 * DAY)):
        kept.rows(
            "INSERT INTO fanout.provider_reports (provider, report_id, kind, at, received_at)"
            " VALUES ('resend', %s, 'email.delivered', now() - %s, now() - %s)",
            report, received, received,
        )  # fmt: skip
    assert kept.run(REPORTS).emitted == 1
    assert left(kept, REPORTS, "report_id") == {"young"}


@pytest.mark.parametrize("table", [DELIVERIES, BODIES, BATCHES, REPORTS])
def test_it_goes_on_from_page_to_page(kept: Kept, table: str) -> None:
    """Rows of one time are not lost between two pages."""
    for _ in range(3):
        mail = delivery(kept)
        kept.rows(
            "INSERT INTO fanout.batch_requests (provider, key, members, body, created_at)"
            " VALUES ('resend', %s, %s, 'x', now() - %s)",
            str(mail), [mail], OLD,
        )  # fmt: skip
        kept.rows(
            "INSERT INTO fanout.provider_reports (provider, report_id, kind, at, received_at)"
            " VALUES ('resend', %s, 'email.sent', now(), now() - %s)",
            str(mail), OLD,
        )  # fmt: skip
    [period] = [each for each in OF_MAIL if each.table == table]
    with psycopg.connect(kept.database.jobs_dsn, autocommit=True) as connection:
        deleted, cursor = 0, None
        while True:
            row = connection.execute(
                load("pipeline.steps", period.statements[0], period.only),
                {"now": datetime.now(UTC), "days": 1, "after": cursor, "most": 1, "dry_run": False},
            ).fetchone()
            assert row is not None
            deleted, cursor = deleted + row[2], row[4]
            if cursor is None:
                break
    assert deleted == 3


def test_a_mail_that_another_session_holds_stays_and_holds_up_no_other(kept: Kept) -> None:
    held = delivery(kept)
    for _ in range(10):
        delivery(kept)
    with kept.database.connect() as holder, holder.transaction():
        holder.execute("SELECT FROM fanout.deliveries WHERE id = %s FOR UPDATE", [held])
        counts = kept.run(DELIVERIES)
        assert (counts.emitted, counts.skipped) == (10, 1)
    assert left(kept, DELIVERIES, "id") == {held}


def test_without_mail_the_job_leaves_mail_out(databases: Databases) -> None:
    with databases.without_mail() as database:
        kept = Kept(database)
        pages = kept.pages(dry_run=True)
        shown = {each["table"] for page in pages for each in page.preview}
    assert "fanout.job_runs" in shown
    assert shown.isdisjoint({DELIVERIES, BODIES, BATCHES, REPORTS})


def test_with_push_alone_the_attempts_at_deliveries_go_by_the_same_rule(
    databases: Databases,
) -> None:
    with databases.without_mail() as database:
        migrate(database.dsn, family=Family.PUSH)
        kept = Kept(database)
        waits = delivery(kept, "paused", channel="bus")
        delivery(kept, channel="bus")
        # The attempt, and then the delivery that has ended.
        assert kept.run().emitted == 2
        assert left(kept, "fanout.attempts", "record_id::uuid") == {waits}
        assert left(kept, "fanout.deliveries", "id") == {waits}
        assert found(database, "jobs rights").severity == Severity.OK


# Nothing is sent twice


def send_again(desk: MailDesk) -> int:
    """Set every row back, as somebody might, and run the graph; return all mails ever sent."""
    desk.execute("UPDATE fanout.channels SET max_age = '300 days'")
    desk.execute("UPDATE pending_emails SET status = 'pending', processed_at = NULL")
    desk.forget()
    desk.run()
    return len(desk.server.accepted)


@pytest.fixture
def sent(desk: MailDesk) -> MailDesk:
    """A mail that was sent long ago, and whose delivery retention has deleted."""
    desk.email()
    desk.run()
    pass_time(desk)
    assert Kept(desk.stage.database).run(DELIVERIES).emitted == 1
    assert desk.deliveries() == []
    return desk


def test_a_row_that_is_set_back_is_not_sent_again_after_its_delivery_is_gone(
    sent: MailDesk,
) -> None:
    assert send_again(sent) == 1


def test_control_without_the_moved_time_it_would_be_sent_again(sent: MailDesk) -> None:
    sent.execute("UPDATE fanout.channels SET since = now() - interval '200 days'")
    assert send_again(sent) == 2


def test_a_delivery_stays_while_its_row_could_be_sent_again(desk: MailDesk) -> None:
    desk.email()
    desk.run()
    pass_time(desk)
    desk.execute("UPDATE pending_emails SET created_at = now() - interval '80 days'")
    assert Kept(desk.stage.database).run(DELIVERIES).skipped == 1
    assert send_again(desk) == 1


def test_what_was_never_sent_stays_sendable(desk: MailDesk) -> None:
    """The channel lets mails wait for longer than deliveries are kept."""
    desk.email()
    desk.run()
    pass_time(desk, 200 * DAY)
    desk.execute("UPDATE fanout.channels SET max_age = '120 days'")
    desk.email(age=100 * DAY)
    assert Kept(desk.stage.database).run(DELIVERIES).emitted == 1
    desk.forget()
    desk.run()
    assert len(desk.server.accepted) == 2


def digest(desk: MailDesk) -> int:
    """Make the digests of now and send them; return all mails ever sent."""
    settings = DatabaseSettings(dsn=desk.stage.database.jobs_dsn)
    for _ in run_digests(settings, Digests(), Input(now=datetime.now(UTC))):
        pass
    desk.run()
    return len(desk.server.accepted)


@pytest.fixture
def told(desk: MailDesk) -> MailDesk:
    """A digest that was sent long ago, and that retention has deleted. Its rows are set back."""
    desk.execute("UPDATE fanout.channels SET since = now() - interval '9 days'")
    desk.execute("UPDATE fanout.digest_hours SET hours = %s, zone = 'UTC'", list(range(24)))
    data = {"file_name": "a.pdf", "uploader_name": "Ann"}
    desk.email(
        U2,
        event_type="chat_message_sent",
        data=data,
        age=timedelta(hours=2),
        delivery_type="aggregated",
    )
    assert digest(desk) == 1
    pass_time(desk)
    assert Kept(desk.stage.database).run(DELIVERIES).emitted == 1
    assert desk.rows("SELECT FROM fanout.digest_rows") == []
    desk.execute("UPDATE fanout.channels SET max_age = '300 days'")
    desk.execute("UPDATE pending_emails SET status = 'pending', processed_at = NULL")
    desk.forget()
    return desk


def test_a_row_that_is_set_back_is_in_no_second_digest(told: MailDesk) -> None:
    assert digest(told) == 1


def test_control_without_the_moved_time_it_would_be_in_a_second_one(told: MailDesk) -> None:
    told.execute("UPDATE fanout.channels SET since = now() - interval '200 days'")
    assert digest(told) == 2


@pytest.fixture
def queued(database: Database) -> tuple[Post, UUID]:
    """A mail with a dedupe key that was sent long ago, and that retention has deleted."""
    post = Post(database)
    mail = post.queue(dedupe_key="order:7")
    post.queue()
    post.send()
    age(database)
    assert Kept(database).run(DELIVERIES).emitted == 2
    return post, mail


def test_a_dedupe_key_outlives_its_mail(queued: tuple[Post, UUID]) -> None:
    post, mail = queued
    assert post.queue(dedupe_key="order:7") == mail
    assert post.rows("SELECT FROM fanout.deliveries") == []
    assert post.rows("SELECT FROM fanout.transactional_mails") == []
    assert post.rows("SELECT delivery_id FROM fanout.dedupe_keys") == [(mail,)]
    assert post.queue(dedupe_key="order:8") != mail
    assert len(post.rows("SELECT FROM fanout.deliveries")) == 1


def test_control_without_its_row_the_key_would_be_used_again(queued: tuple[Post, UUID]) -> None:
    post, mail = queued
    post.execute("DELETE FROM fanout.dedupe_keys")
    assert post.queue(dedupe_key="order:7") == mail
    assert post.rows("SELECT id FROM fanout.deliveries") == [(mail,)]


def test_a_key_whose_transaction_is_taken_back_is_free(database: Database) -> None:
    post = Post(database)
    with post.producer(autocommit=False) as connection:
        connection.execute(
            "SELECT fanout.queue_notification('magic_link', 'a@b.example', p_dedupe_key => 'k')"
        )
        connection.rollback()
    mail = post.queue(dedupe_key="k")
    assert post.rows("SELECT id FROM fanout.deliveries") == [(mail,)]
