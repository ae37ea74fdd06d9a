"""Golden cases of mail, through the real graph: G85, G88, G90, G95, F03 to F09."""

from datetime import timedelta

import pytest

from local.loopback import DROPPED_AFTER
from local.resend.faults import fault
from tests.golden.world import U2
from tests.steps.mail.desk import FROM, MailDesk

MINUTE = 60


@pytest.fixture(autouse=True)
def through_the_graph(desk: MailDesk) -> None:
    desk.through_graph = True


def test_g85_a_pending_row_is_one_call_of_the_provider(desk: MailDesk) -> None:
    desk.email()
    desk.run()
    [mail] = desk.server.accepted
    assert mail.content["from"] == FROM
    assert mail.to == ["u2@x.test"]
    assert mail.content["subject"] == "Cy has joined Acme"
    assert mail.content["tags"] == [{"name": "email_type", "value": "invite_accepted"}]
    assert desk.emails() == [("sent", True)]
    [(state, provider, provider_id, key)] = desk.rows(
        "SELECT state, provider, provider_id, id::text FROM fanout.deliveries"
    )
    assert (state, provider, provider_id, key) == ("done", "resend", mail.id, mail.key)
    assert mail.reference == f"<{key}@acme.test>"
    assert desk.attempts() == [(1, "done", None)]


def test_g85_a_row_that_is_not_pending_is_left_alone(desk: MailDesk) -> None:
    for status in ("processing", "sent", "failed"):
        desk.email(status=status)
    desk.run(2)
    assert desk.server.asked == []
    assert desk.emails() == [("processing", False), ("sent", False), ("failed", False)]


def test_g88_two_errors_and_then_an_answer_are_three_attempts_and_one_mail(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_next(*[fault(500, "application_error")] * 2)
    for _ in range(3):
        desk.run()
        desk.pass_time(5 * MINUTE)
    assert desk.deliveries() == [("done", 3, 2)]
    assert desk.emails() == [("sent", True)]
    assert set(desk.server.copies().values()) == {1}
    assert desk.attempts() == [
        (1, "failed", "application_error"),
        (2, "failed", "application_error"),
        (3, "done", None),
    ]


def test_g88_and_f09_what_is_refused_is_dead_after_one_attempt(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_always(fault(422, "validation_error", "Invalid `to` field."))
    for _ in range(3):
        desk.run()
        desk.pass_time(60 * MINUTE)
    assert desk.deliveries() == [("dead", 1, 1)]
    assert desk.emails() == [("failed", True)]
    assert len(desk.server.asked) == 1
    [(code, reason)] = desk.rows("SELECT error_class, reason FROM fanout.deliveries")
    assert (code, reason) == ("Refused", "resend refused its address: validation_error:to")


def test_g88_what_is_limited_stays_retryable_and_costs_no_attempt(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_always(fault(429, "rate_limit_exceeded"))
    for _ in range(6):
        desk.run()
        desk.pass_time(5)
    [(state, attempts, failures)] = desk.deliveries()
    assert (state, failures) == ("waiting", 0)
    assert attempts == len(desk.server.asked) > 3
    desk.server.fail_always(None)
    desk.run()
    assert desk.emails() == [("sent", True)]


def test_g90_a_dry_run_leaves_every_row_pending(desk: MailDesk) -> None:
    desk.email()
    desk.stage.execute("SELECT 1")
    desk.run()
    desk.email()
    before = desk.rows("SELECT to_jsonb(d) FROM fanout.deliveries AS d")
    desk.dry_run = True
    desk.run(2)
    assert desk.emails() == [("sent", True), ("pending", False)]
    assert desk.rows("SELECT to_jsonb(d) FROM fanout.deliveries AS d") == before
    assert len(desk.server.accepted) == 1
    # Control: without --dry-run it is sent.
    desk.dry_run = False
    desk.forget()
    desk.run()
    assert desk.emails() == [("sent", True)] * 2


def test_g95_what_was_accepted_before_a_crash_is_one_mail(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_next(DROPPED_AFTER)
    desk.run()
    [(state, asked, unanswered)] = desk.rows(
        "SELECT state, asked_at IS NOT NULL, unanswered FROM fanout.deliveries"
    )
    assert (state, asked, unanswered) == ("waiting", True, 1)
    desk.forget()
    desk.pass_time(MINUTE)
    desk.run()
    assert len(desk.server.asked) == 2
    assert len({request.headers["idempotency-key"] for request in desk.server.asked}) == 1
    assert len({request.body for request in desk.server.asked}) == 1
    assert list(desk.server.copies().values()) == [1]
    assert desk.emails() == [("sent", True)]


def test_f03_and_f05_a_failure_waits_a_minute_and_the_next_five(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_always(fault(503, "service_unavailable"))
    waits = []
    for _ in range(2):
        desk.run()
        [(state, seconds)] = desk.rows(
            "SELECT delivery.state, extract(epoch FROM delivery.next_attempt_at - try.finished_at)"
            " FROM fanout.deliveries AS delivery JOIN fanout.attempts AS try"
            " ON try.record_id = delivery.id::text ORDER BY try.number DESC LIMIT 1"
        )
        waits.append((state, seconds))
        desk.pass_time(5 * MINUTE)
    assert waits == [("waiting", 60), ("waiting", 300)]
    assert desk.attempts() == [
        (1, "failed", "service_unavailable"),
        (2, "failed", "service_unavailable"),
    ]


def test_f04_a_mail_is_served_from_its_time_on_and_not_before(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_next(fault(503, "service_unavailable"))
    desk.run()
    desk.pass_time(30)
    desk.run()
    assert len(desk.server.asked) == 1
    desk.pass_time(30)
    desk.run()
    assert len(desk.server.asked) == 2
    assert desk.emails() == [("sent", True)]


def test_f07_a_success_keeps_the_error_of_the_first_try(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_next(fault(503, "service_unavailable"))
    desk.run()
    desk.pass_time(MINUTE)
    desk.run()
    assert desk.deliveries() == [("done", 2, 1)]
    assert desk.attempts() == [(1, "failed", "service_unavailable"), (2, "done", None)]


def test_f08_a_wrong_key_costs_no_attempt_and_opens_the_breaker(desk: MailDesk) -> None:
    desk.email()
    desk.server.api_keys.clear()
    desk.run()
    [(state, attempts, failures)] = desk.deliveries()
    assert (attempts, failures) == (1, 0)
    assert state in ("waiting", "paused")
    [(name, switch, reason)] = desk.rows("SELECT name, state, reason FROM fanout.switches")
    assert (name, switch) == ("mail:resend", "open")
    assert reason.startswith("it does not serve us: ")
    desk.pass_time(1)
    desk.run()
    assert len(desk.server.asked) == 1
    assert [row[0] for row in desk.deliveries()] == ["paused"]
    # A person fixes the key. After the cool-off one mail is tried, then all are sent.
    desk.server.api_keys.add("re_canary_key")
    desk.email(U2)
    desk.pass_time(5 * MINUTE)
    desk.run()
    desk.pass_time(1)
    desk.run()
    assert desk.rows("SELECT count(*) FROM fanout.switches") == [(0,)]
    assert desk.emails() == [("sent", True)] * 2


def test_an_expired_mail_is_not_sent_and_says_so(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_next(fault(503, "service_unavailable"))
    desk.run()
    desk.execute("UPDATE fanout.deliveries SET asked_at = NULL")
    desk.pass_time(timedelta(hours=24).total_seconds())
    desk.run()
    assert [row[0] for row in desk.deliveries()] == ["expired"]
    assert desk.emails() == [("failed", True)]
    assert len(desk.server.asked) == 1
