"""Which mails the ledger takes, and that each is sent by one worker only."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

from local.resend import ResendServer
from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.tried import TriedMails
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.sinks.mail_results import write_mail_results
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import MailClaims
from pipeline.steps.mail.outbox import new_outbox
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.mail.sender import Sender
from tests.databases import Databases
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import U2
from tests.steps.mail.desk import MailDesk, work


def many(desk: MailDesk, count: int, *, age: str = "0s", status: str = "pending") -> None:
    """Put many rows into pending_emails, one event each."""
    desk.execute(
        "WITH events AS (INSERT INTO domain_events (event_type) SELECT 'invite_accepted'"
        " FROM generate_series(1, %s) RETURNING id)"
        " INSERT INTO pending_emails (event_id, user_id, event_type, delivery_type, subject,"
        " body_data, status, created_at) SELECT id, %s, 'invite_accepted', 'immediate', 's',"
        " '{\"org_name\": \"Acme\"}', %s, now() - %s::interval FROM events",
        count, U2, status, age,
    )  # fmt: skip


def work_on(sender: Sender, rounds: int = 3) -> None:
    """Be another process for some claims."""
    claims, outbox = MailClaims(sender), new_outbox(sender)
    for _ in range(rounds):
        work(sender, claims, outbox, most=20)


def workers(sender: Sender, count: int) -> list[Sender]:
    """The same sender as several processes have it."""
    return [replace(sender, concurrency=each + 1) for each in range(count)]


def test_ten_thousand_rows_from_before_the_first_start_send_nothing(desk: MailDesk) -> None:
    desk.execute("DELETE FROM fanout.channels")
    many(desk, 10_000, age="1s")
    desk.run(2)
    assert desk.rows("SELECT count(*) FROM fanout.deliveries") == [(0,)]
    assert desk.server.asked == []
    assert set(desk.emails()) == {("pending", False)}
    # Control: what comes after it is sent.
    desk.email()
    desk.forget()
    desk.run()
    assert Counter(status for status, _ in desk.emails()) == {"pending": 10_000, "sent": 1}


def test_a_row_that_is_older_than_the_channel_allows_is_not_adopted(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.channels SET since = now() - interval '7 days'")
    desk.email(age=timedelta(hours=25))
    desk.email(age=timedelta(hours=23))
    desk.run()
    assert [status for status, _ in desk.emails()] == ["pending", "sent"]


def test_a_row_is_adopted_once_and_one_for_the_digest_not_at_all(desk: MailDesk) -> None:
    desk.email(delivery_type="aggregated")
    desk.email()
    for _ in range(3):
        desk.forget()
        desk.run()
    assert len(desk.rows("SELECT FROM fanout.deliveries")) == 1
    assert [status for status, _ in desk.emails()] == ["pending", "sent"]


def test_f37_workers_at_the_same_time_send_each_mail_once(desk: MailDesk) -> None:
    many(desk, 60)
    desk.run(0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work_on, workers(desk.sender, 4)))
    assert set(desk.server.copies().values()) == {1}
    assert len(desk.server.accepted) == 60
    assert len(desk.server.asked) == 60
    assert Counter(desk.deliveries()) == {("done", 1, 0): 60}
    assert set(desk.emails()) == {("sent", True)}


def test_another_sender_on_the_same_table_never_sends_what_we_send(desk: MailDesk) -> None:
    many(desk, 80)
    theirs: list[int] = []
    stop, started = threading.Event(), threading.Event()

    def other() -> None:
        """The sender that came before ours: it claims a row by its status, one at a time."""
        with psycopg.connect(desk.stage.database.dsn, autocommit=True) as connection:
            while not stop.is_set():
                row = connection.execute(
                    "UPDATE pending_emails SET status = 'processing' WHERE id = (SELECT id"
                    " FROM pending_emails WHERE status = 'pending' ORDER BY id DESC LIMIT 1)"
                    " AND status = 'pending' RETURNING id"
                ).fetchone()
                if row is None:
                    return
                theirs.append(row[0])
                started.set()
                connection.execute(
                    "UPDATE pending_emails SET status = 'sent', processed_at = now() WHERE id = %s",
                    row,
                )

    # Both have taken some of the same table before they race for the rest.
    claims, outbox = MailClaims(desk.sender), new_outbox(desk.sender)
    work(desk.sender, claims, outbox, most=20)
    thread = threading.Thread(target=other)
    thread.start()
    assert started.wait(60)
    open_ones = "SELECT count(*) FROM fanout.deliveries WHERE finished_at IS NULL"

    def is_over() -> bool:
        work(desk.sender, claims, outbox, most=20)
        return desk.rows(open_ones) == [(0,)]

    wait_until(is_over, seconds=60, what="every delivery has ended")
    stop.set()
    thread.join()
    rows: list[Any] = desk.rows(
        "SELECT source_id::int, state, reason FROM fanout.deliveries ORDER BY 1"
    )
    ours = {source for source, state, _ in rows if state == "done"}
    assert ours.isdisjoint(theirs)
    assert len(ours) == len(desk.server.accepted)
    assert len(ours) + len(theirs) == 80
    assert ours
    assert theirs
    assert {(state, reason) for _, state, reason in rows if state != "done"} <= {
        ("cancelled", "another sender has taken its row of pending_emails")
    }
    assert set(desk.emails()) == {("sent", True)}


def test_f39_who_is_late_can_neither_settle_nor_count(desk: MailDesk) -> None:
    desk.email()
    slow, quick = workers(desk.sender, 2)
    claimed = MailClaims(slow).claim()
    planned = plan_requests(slow, check_mails(slow, claimed))
    tried = [each for batch in new_outbox(slow).make(planned.asked, None) for each in batch]
    # Its lease ends before it settles, and another worker repeats the request with the same key.
    desk.pass_time(120)
    work_on(quick)
    before = (desk.deliveries(), desk.attempts(), desk.emails())
    assert before[:2] == ([("done", 2, 0)], [(1, "lost", None), (2, "done", None)])
    write_mail_results(slow.database, TriedMails(tried=tried))
    assert (desk.deliveries(), desk.attempts(), desk.emails()) == before
    assert list(desk.server.copies().values()) == [1]


def test_a_row_that_was_deleted_since_is_cancelled(desk: MailDesk) -> None:
    desk.email()
    desk.execute("UPDATE fanout.rate_limits SET blocked_until = now() + interval '1 hour'")
    desk.run()
    desk.execute("DELETE FROM pending_emails")
    desk.execute("UPDATE fanout.rate_limits SET blocked_until = NULL")
    desk.run()
    assert desk.rows("SELECT state, reason FROM fanout.deliveries") == [
        ("cancelled", "its row of pending_emails was deleted")
    ]


def test_a_row_that_another_session_has_locked_waits(desk: MailDesk) -> None:
    email = desk.email()
    with psycopg.connect(desk.stage.database.dsn) as connection:
        connection.execute("SELECT FROM pending_emails WHERE id = %s FOR UPDATE", [email])
        desk.run()
        assert desk.attempts() == [(1, "given back", "locked")]
    desk.pass_time(1)
    desk.run()
    assert desk.emails() == [("sent", True)]


def test_a_database_of_mail_alone_sends_what_is_queued(
    databases: Databases, resend: ResendServer
) -> None:
    with databases.empty() as database:
        migrate(database.dsn, family=Family.MAIL)
        with database.connect() as connection:
            connection.execute(
                "SELECT fanout.queue_notification('booking_confirmation', 'ann@x.test',"
                ' \'{"external_booking_id": "B7"}\')'
            )
        desk = MailDesk(Stage(database), resend)
        desk.forget()
        desk.run()
        assert [mail.to for mail in resend.accepted] == [["ann@x.test"]]
        assert desk.deliveries() == [("done", 1, 0)]
        assert desk.rows("SELECT address FROM fanout.transactional_mails") == [(None,)]
        desk.forget()
        close_pools()
