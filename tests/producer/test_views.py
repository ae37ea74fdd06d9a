"""The views of the queue: golden cases, and one predicate for the views and the claim."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, errors
from psycopg.rows import dict_row

from pipeline.clients.postgres.lease import claim
from pipeline.domain.lease import Cause, WorkState, end, give_back, hold
from pipeline.steps.deliveries import DELIVERIES_ALONE
from tests.producer.post import ADDRESS, EMAIL, LONG, TOO_MANY, Post, answer, ids

VIEWS: Final = (
    "mails",
    "notification_events",
    "notifications_dashboard_view",
    "notification_queue_status",
    "notification_processing_timeline",
    "failed_notifications_report",
    "notification_error_summary",
)
REFUSED: Final = Cause(error_class="Refused", code="validation_error", reason="address refused")


def add(connection: Connection[Any], **columns: object) -> UUID:
    """Insert a delivery by mail with these columns; the times are SQL."""
    mail = uuid4()
    given = {"id": f"'{mail}'", "cause": f"'test:{mail}'", "channel": "'email'"} | {
        "recipient": "'address:0'",
        "kind": "'magic_link'",
        **columns,
    }
    connection.execute(
        f"INSERT INTO fanout.deliveries ({', '.join(given)})"  # noqa: S608 - of this test alone
        f" VALUES ({', '.join(map(str, given.values()))})".encode()
    )
    return mail


def add_ended(
    connection: Connection[Any], state: str, *, failures: int, age: str, after: str = "0"
) -> UUID:
    return add(
        connection,
        state=f"'{state}'",
        failures=failures,
        created_at=f"now() - interval '{age}'",
        deliver_at=f"now() - interval '{age}'",
        finished_at=f"now() - interval '{age}' + interval '{after}'",
    )


def kinds(post: Post, mail: UUID) -> list[tuple[str, int]]:
    """The events of a mail, in their order, each with its number."""
    return [
        (each["event_type"], each["attempt_number"])
        for each in post.seen("notification_processing_timeline")
        if each["notification_id"] == mail
    ]


def test_without_mails_there_is_one_row_of_zeros_and_no_average(post: Post) -> None:
    [status] = post.seen("notification_queue_status")
    assert status.pop("avg_processing_time_seconds_24h") is None
    assert set(status.values()) == {0}
    assert {view: post.seen(view) for view in VIEWS if view != "notification_queue_status"} == {
        view: [] for view in VIEWS if view != "notification_queue_status"
    }


def test_the_figures_of_a_day(post: Post) -> None:
    with post.database.connect() as connection:
        add_ended(connection, "done", failures=0, age="10 minutes", after="60 s")
        add_ended(connection, "done", failures=1, age="30 minutes", after="120 s")
        add_ended(connection, "done", failures=0, age="25 hours", after="5 s")
        add_ended(connection, "dead", failures=3, age="2 hours", after="400 s")
        add(connection, created_at="now() - interval '10 minutes'")

    [status] = post.seen("notification_queue_status")
    assert {name: figure for name, figure in status.items() if figure} == {
        "ready_to_process": 1,
        "never_attempted": 1,
        "total_sent": 3,
        "total_failed": 1,
        "queued_last_hour": 3,
        "avg_processing_time_seconds_24h": 90,
    }
    board = post.seen("notifications_dashboard_view")
    assert [each["status"] for each in board] == ["queued", "sent", "failed"]
    short = [
        tuple(
            each[name]
            for name in (
                "total_count",
                "retried_count",
                "avg_attempts",
                "count_last_hour",
                "count_last_24h",
            )
        )
        for each in board
    ]
    # Of three sent mails one was tried again, and not three.
    assert short == [
        (1, 0, Decimal("0.00"), 1, 1),
        (3, 1, Decimal("1.33"), 2, 2),
        (1, 1, Decimal("3.00"), 0, 1),
    ]


def test_the_average_counts_from_when_a_mail_was_due_and_over_what_was_sent_lately(
    post: Post,
) -> None:
    with post.database.connect() as connection:
        add(
            connection,
            state="'done'",
            created_at="now() - interval '3 days'",
            deliver_at="now() - interval '10 minutes'",
            finished_at="now() - interval '9 minutes'",
        )
    [status] = post.seen("notification_queue_status")
    assert status["avg_processing_time_seconds_24h"] == 60


def test_a_first_failure_waits_a_minute_and_is_served_at_its_very_end(post: Post) -> None:
    mail = post.queue()
    post.fail()
    [row] = post.seen("mails")
    assert (row["status"], row["attempts"], row["last_error"]) == ("queued", 1, "too many")
    [(finished,)] = post.rows("SELECT finished_at FROM fanout.attempts")
    assert row["next_retry_at"] == finished + timedelta(seconds=60)
    assert kinds(post, mail) == [("queued", 0), ("processing", 0), ("retry_scheduled", 1)]
    [status] = post.seen("notification_queue_status")
    assert (status["ready_to_process"], status["waiting_for_retry"], status["retry_1"]) == (0, 1, 1)

    with frozen(post) as connection:
        for early, served in (("1 microsecond", []), ("0", [mail])):
            connection.execute(
                "UPDATE fanout.deliveries SET next_attempt_at = now() + %s::interval", [early]
            )
            ready = connection.execute("SELECT id FROM fanout.mails WHERE is_ready").fetchall()
            assert [each["id"] for each in ready] == served
            assert ids(claim(connection, DELIVERIES_ALONE, LONG, only=EMAIL)) == served


def test_success_on_the_second_try_keeps_the_error_of_the_first(post: Post) -> None:
    mail = post.queue()
    post.fail()
    post.make_due()
    post.send()
    [row] = post.seen("mails")
    assert (row["status"], row["attempts"], row["last_error"]) == ("sent", 2, "too many")
    assert row["sent_at"] is not None
    assert row["next_retry_at"] is None
    assert kinds(post, mail) == [
        ("queued", 0),
        ("processing", 0),
        ("retry_scheduled", 1),
        ("processing", 1),
        ("sent", 2),
    ]
    last = post.seen("notification_processing_timeline")[-1]
    assert (last["resend_email_id"], last["response_metadata"]) == ("re_1", {"provider": "resend"})


def test_three_failures_end_it_and_failed_is_told_once(post: Post) -> None:
    mail = post.queue()
    for pause in (60, 300):
        post.fail(pause=pause)
        post.make_due()
    [lease] = post.claim()
    post.settle(answer(end(lease, WorkState.DEAD, TOO_MANY), None))
    assert kinds(post, mail) == [
        ("queued", 0),
        ("processing", 0),
        ("retry_scheduled", 1),
        ("processing", 1),
        ("retry_scheduled", 2),
        ("processing", 2),
        ("failed", 3),
    ]
    [report] = post.seen("failed_notifications_report")
    assert (report["id"], report["attempts"], report["event_count"]) == (mail, 3, 7)
    assert (report["last_error"], report["latest_error_code"], report["latest_error_message"]) == (
        *("too many", "rate_limit_exceeded", "too many"),
    )
    [summary] = post.seen("notification_error_summary")
    assert (summary["error_code"], summary["occurrence_count"]) == ("rate_limit_exceeded", 3)
    assert (summary["affected_notifications"], summary["affected_types"]) == (1, ["magic_link"])
    assert summary["sample_error_message"] == "too many"
    assert summary["first_occurrence"] < summary["last_occurrence"]


def test_a_permanent_error_ends_it_after_one_try_and_is_in_the_report(post: Post) -> None:
    mail = post.queue()
    [lease] = post.claim()
    post.settle(answer(end(lease, WorkState.DEAD, REFUSED), None))
    assert kinds(post, mail) == [("queued", 0), ("processing", 0), ("failed", 1)]
    [report] = post.seen("failed_notifications_report")
    assert (report["id"], report["attempts"]) == (mail, 1)
    [board] = post.seen("notifications_dashboard_view")
    assert (board["status"], board["retried_count"]) == ("failed", 0)


def test_a_try_that_does_not_count_leaves_the_number_as_it_was(post: Post) -> None:
    mail = post.queue()
    [lease] = post.claim()
    no_key = Cause(error_class="Misconfigured", code="missing_api_key", reason="no API key")
    post.settle(answer(give_back(lease, no_key, pause=60), None))
    [row] = post.seen("mails")
    assert (row["status"], row["attempts"]) == ("queued", 0)
    post.make_due()
    post.send()
    assert kinds(post, mail) == [
        ("queued", 0),
        ("processing", 0),
        ("retry_scheduled", 0),
        ("processing", 0),
        ("sent", 1),
    ]


@pytest.mark.parametrize(
    ("state", "kind"),
    [(WorkState.EXPIRED, "expired"), (WorkState.CANCELLED, "cancelled"), (WorkState.HELD, "held")],
)
def test_what_neither_arrived_nor_failed_says_so(post: Post, state: WorkState, kind: str) -> None:
    mail = post.queue()
    [lease] = post.claim()
    assert kinds(post, mail) == [("queued", 0), ("processing", 0)]
    cause = Cause(reason="for the test")
    over = hold(lease, cause) if state is WorkState.HELD else end(lease, state, cause)
    post.settle(answer(over, None))
    assert kinds(post, mail) == [("queued", 0), ("processing", 0), (kind, 0)]
    assert post.seen("failed_notifications_report") == []


def test_a_lost_lease_is_a_retry(post: Post) -> None:
    mail = post.queue()
    post.claim()
    post.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    [status] = post.seen("notification_queue_status")
    assert (status["ready_to_process"], status["in_progress"]) == (1, 0)
    post.send()
    assert kinds(post, mail) == [
        ("queued", 0),
        ("processing", 0),
        ("retry_scheduled", 0),
        ("processing", 0),
        ("sent", 1),
    ]


def test_what_has_had_all_its_tries_and_has_not_ended_is_shown_as_inconsistent(post: Post) -> None:
    mail = post.queue()
    post.execute("UPDATE fanout.deliveries SET state = 'waiting', failures = 3")
    [status] = post.seen("notification_queue_status")
    assert (status["ready_to_process"], status["inconsistent"]) == (0, 1)
    assert post.seen("get_queued_notifications()") == []
    # The claim takes it all the same, so that it does not stay for ever.
    assert ids(post.claim()) == [mail]


def test_a_mail_that_nobody_has_touched_has_one_line(post: Post) -> None:
    mail = post.queue()
    [line] = post.seen("notification_processing_timeline")
    assert (line["notification_id"], line["event_type"]) == (mail, "queued")
    assert line["previous_event_time"] is line["seconds_since_previous_event"] is None


def test_the_timeline_has_the_newest_mail_first_and_its_events_in_order(post: Post) -> None:
    first = post.queue()
    post.fail()
    post.execute("UPDATE fanout.attempts SET finished_at = started_at + interval '7.2 s'")
    second = post.queue()
    lines = post.seen("notification_processing_timeline")
    assert [line["notification_id"] for line in lines] == [second, first, first, first]
    assert lines[-1]["seconds_since_previous_event"] == 7
    assert lines[-1]["previous_event_time"] == lines[-2]["event_created_at"]
    assert len({line["event_id"] for line in lines}) == 4


def test_the_look_shows_ten_by_default_oldest_first(post: Post) -> None:
    with post.database.connect() as connection:
        queued = [
            add(connection, next_attempt_at=f"now() - interval '{age} minutes'")
            for age in range(1, 13)
        ]
    oldest_first = queued[::-1]

    def look(most: str) -> list[UUID]:
        return [row["id"] for row in post.seen(f"get_queued_notifications({most})")]

    assert look("") == oldest_first[:10]
    assert look("NULL") == oldest_first
    assert look("0") == []
    [row, *_] = post.seen("get_queued_notifications()")
    assert "payload" not in row


def test_with_a_delivery_its_events_and_its_secret_go(post: Post) -> None:
    post.queue()
    post.fail()
    post.execute("DELETE FROM fanout.deliveries")
    assert post.seen("notification_events") == []
    assert post.rows("SELECT FROM fanout.transactional_mails") == []


def test_who_has_no_right_sees_no_view(post: Post) -> None:
    post.queue()
    post.execute("CREATE ROLE anon; GRANT USAGE ON SCHEMA public TO anon")
    try:
        with post.database.connect() as connection:
            connection.execute("SET ROLE anon")
            for view in VIEWS:
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(f"TABLE fanout.{view}".encode())
        # Not even with rights on the views themselves, since each asks for those of its reader.
        post.execute(
            "GRANT USAGE ON SCHEMA fanout TO anon; GRANT SELECT ON ALL TABLES IN SCHEMA fanout"
            " TO anon; REVOKE ALL ON fanout.deliveries FROM anon"
        )
        with post.database.connect() as connection:
            connection.execute("SET ROLE anon")
            for view in VIEWS:
                with pytest.raises(errors.InsufficientPrivilege, match="deliveries"):
                    connection.execute(f"TABLE fanout.{view}".encode())
    finally:
        post.execute("DROP OWNED BY anon; DROP ROLE anon")


def test_no_view_shows_an_address_or_a_payload(post: Post) -> None:
    marker = "marker7f3a"
    post.queue(payload=f'{{"magic_link": "https://app.example/{marker}"}}', dedupe_key=marker)
    post.fail()
    shown = "".join(str(post.seen(view)) for view in VIEWS)
    assert "address:" in shown
    assert marker not in shown
    assert ADDRESS not in shown


@contextmanager
def frozen(post: Post) -> Iterator[Connection[Any]]:
    """A transaction: in it, the time stands still."""
    with (
        psycopg.connect(post.database.dsn, row_factory=dict_row) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


@pytest.mark.parametrize("seed", range(5))
def test_the_views_and_the_claim_have_one_predicate_and_one_order(post: Post, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    states = (
        "pending",
        "waiting",
        "leased",
        "paused",
        "held",
        "done",
        "dead",
        "cancelled",
        "expired",
    )
    with frozen(post) as connection:
        for _ in range(120):
            state = draw.choice(states)
            add(
                connection,
                channel=draw.choice(["'email'"] * 4 + ["'fcm'"]),
                state=f"'{state}'",
                lease_token="gen_random_uuid()" if state == "leased" else "NULL",
                finished_at="now()"
                if state in {"done", "dead", "cancelled", "expired"}
                else "NULL",
                failures=draw.choice([0, 0, 1, 2, 2, 3]),
                attempts=draw.randrange(1, 4) if state == "leased" else draw.randrange(4),
                started_at="now() - interval '1 hour'" if state == "leased" else "NULL",
                priority=draw.randrange(4),
                next_attempt_at=f"now() + interval '{draw.choice([-900, -300, -60, 0, 60])} s'"
                f" + interval '{draw.choice([0, 0, 1])} us'",
            )
        mails = connection.execute("SELECT * FROM fanout.mails").fetchall()
        [status] = connection.execute("SELECT * FROM fanout.notification_queue_status").fetchall()
        look = connection.execute("SELECT id FROM fanout.get_queued_notifications(NULL)").fetchall()
        taken: list[UUID] = []
        while one := claim(connection, DELIVERIES_ALONE, LONG, only=EMAIL):
            taken += ids(one)

    assert {mail["id"] for mail in mails if mail["is_ready"]} == set(taken)
    sound = {mail["id"] for mail in mails if not mail["is_inconsistent"]}
    assert [each["id"] for each in look] == [mail for mail in taken if mail in sound]
    assert status["ready_to_process"] == len(look) > 0
    # Each queued mail is counted once.
    parts = ("ready_to_process", "waiting_for_retry", "scheduled", "in_progress")
    counted = sum(status[name] for name in (*parts, "paused", "held", "inconsistent"))
    assert counted == sum(mail["status"] == "queued" for mail in mails)


def test_control_a_predicate_that_forgets_lost_leases_is_caught(post: Post) -> None:
    post.queue()
    post.claim()
    post.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    weak = (
        "SELECT FROM fanout.mails WHERE state IN ('pending', 'waiting') AND next_retry_at <= now()"
    )
    assert post.rows(weak) == []
    assert len(post.claim()) == 1
