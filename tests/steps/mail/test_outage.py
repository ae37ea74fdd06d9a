"""A provider that is away, refuses us or is slow: nothing dies of it, and nobody gets two."""

from collections import Counter
from datetime import timedelta

import orjson
import psycopg
import pytest

from local.loopback import DROPPED_AFTER, DROPPED_BEFORE, Fault
from local.resend.faults import fault, named_error
from pipeline.domain.clock import utc_now
from pipeline.domain.tried import TriedMails
from pipeline.facts.switches import switches_of
from pipeline.settings.mail import RecipientRule, SmtpSettings
from pipeline.sinks.mail_results import write_mail_results
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import MailClaims
from pipeline.steps.mail.outbox import outbox_of
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.sending.rates import block, take_requests
from tests.clients.mail.smtp_server import MailServer
from tests.steps.mail.desk import MailDesk, work
from tests.steps.mail.test_ledger import many

DOWN = fault(503, "service_unavailable")
HOUR = timedelta(hours=1).total_seconds()


def opened(desk: MailDesk) -> list[str]:
    return [name for (name,) in desk.rows("SELECT name FROM fanout.switches WHERE state = 'open'")]


def test_failures_in_a_row_open_the_breaker_and_cost_nobody_an_attempt(desk: MailDesk) -> None:
    many(desk, 6)
    desk.server.fail_always(DOWN)
    desk.run()
    desk.pass_time(1)
    desk.run()
    assert opened(desk) == ["mail:resend"]
    assert {failures for _, _, failures in desk.deliveries()} == {0}
    assert {state for state, _, _ in desk.deliveries()} == {"paused"}


def test_an_hour_without_the_provider_kills_nothing_and_all_goes_out_after(desk: MailDesk) -> None:
    many(desk, 12)
    desk.server.fail_always(DOWN)
    for _ in range(14):
        desk.run()
        desk.pass_time(HOUR / 12)
    asked = len(desk.server.asked)
    assert asked < 40
    assert {state for state, _, _ in desk.deliveries()} <= {"paused", "waiting"}
    assert {failures for _, _, failures in desk.deliveries()} == {0}
    desk.server.fail_always(None)
    for _ in range(3):
        desk.pass_time(300)
        desk.run()
    assert Counter(desk.emails()) == {("sent", True): 12}
    assert set(desk.server.copies().values()) == {1}
    assert opened(desk) == []


def test_a_lone_mail_in_an_outage_does_not_die_either(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_always(DOWN)
    for _ in range(12):
        desk.run()
        desk.pass_time(300)
    [(state, attempts, failures)] = desk.deliveries()
    assert state in {"paused", "waiting"}
    assert (attempts > 4, failures) == (True, 0)
    desk.server.fail_always(None)
    desk.pass_time(300)
    desk.run()
    assert desk.emails() == [("sent", True)]


def test_control_a_mail_that_alone_fails_beside_others_is_dead_after_three_tries(
    desk: MailDesk,
) -> None:
    desk.email()
    for _ in range(3):
        desk.server.fail_next(DOWN)
        desk.run()
        desk.email()
        desk.run()
        desk.pass_time(300)
    assert desk.deliveries()[0] == ("dead", 3, 3)
    assert opened(desk) == []


def test_another_provider_takes_over_but_not_what_the_first_may_have(
    desk: MailDesk, mail_server: MailServer
) -> None:
    desk.smtp = SmtpSettings(url=f"smtp://127.0.0.1:{mail_server.port}")
    many(desk, 3)
    desk.server.fail_next(DROPPED_AFTER, DROPPED_AFTER, DROPPED_AFTER)
    desk.server.fail_always(DOWN)
    desk.run()
    assert opened(desk) == ["mail:resend"]
    many(desk, 4)
    desk.pass_time(1)
    desk.run()
    assert sum(mail_server.copies().values()) == 4
    rows = desk.rows("SELECT provider, state FROM fanout.deliveries ORDER BY sequence")
    assert rows == [("resend", "waiting")] * 3 + [("smtp", "done")] * 4
    desk.server.fail_always(None)
    for _ in range(4):
        desk.pass_time(60)
        desk.run()
    assert set(desk.emails()) == {("sent", True)}
    copies = desk.server.copies() + mail_server.copies()
    assert (len(copies), set(copies.values())) == (7, {1})


def test_what_a_provider_may_have_and_has_forgotten_is_held_for_a_person(desk: MailDesk) -> None:
    desk.email()
    desk.server.fail_next(DROPPED_AFTER)
    desk.run()
    desk.execute("UPDATE fanout.deliveries SET expires_at = NULL")
    desk.pass_time(23 * HOUR + 1)
    desk.run()
    [(state, reason)] = desk.rows("SELECT state, reason FROM fanout.deliveries")
    assert (state, reason) == (
        "held",
        "resend may have sent it and cannot tell any more: a person decides",
    )
    assert len(desk.server.asked) == 1
    assert desk.emails() == [("processing", False)]


def test_what_a_provider_without_keys_may_have_is_repeated_once_and_then_held(
    desk: MailDesk, mail_server: MailServer
) -> None:
    desk.smtp = SmtpSettings(url=f"smtp://127.0.0.1:{mail_server.port}")
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES ('mail:resend', 'paused')")
    mail_server.accepts_all_the_same = True
    mail_server.replies["DATA"].extend([None, None])
    desk.email()
    states = []
    for _ in range(3):
        desk.run()
        states += [state for state, _, _ in desk.deliveries()]
        desk.pass_time(300)
    assert states == ["waiting", "waiting", "held"]
    assert list(mail_server.copies().values()) == [2]


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_person_decides_about_what_is_held(
    desk: MailDesk,
    was_sent: bool,  # noqa: FBT001
) -> None:
    desk.email()
    desk.server.fail_next(DROPPED_BEFORE)
    desk.run()
    desk.execute("UPDATE fanout.deliveries SET expires_at = NULL")
    desk.pass_time(24 * HOUR)
    desk.run()
    decide = "SELECT fanout.decide_held(id, %s) FROM fanout.deliveries"
    with psycopg.connect(desk.stage.database.operator_dsn, autocommit=True) as operator:
        state = "done" if was_sent else "waiting"
        assert operator.execute(decide, [was_sent]).fetchone() == (state,)
        assert operator.execute(decide, [was_sent]).fetchone() == (None,)
    desk.run()
    assert desk.emails() == [("sent", True)]
    assert len(desk.server.accepted) == (0 if was_sent else 1)


def test_a_switch_holds_back_a_type_or_a_provider_until_a_person_resumes_it(
    desk: MailDesk,
) -> None:
    desk.email()
    desk.email(event_type="project_access_granted")
    desk.execute(
        "INSERT INTO fanout.switches (name, state) VALUES ('mail:invite_accepted', 'paused')"
    )
    desk.run()
    assert sorted(state for state, _, _ in desk.deliveries()) == ["done", "paused"]
    desk.execute("UPDATE fanout.switches SET name = 'mail:resend'")
    desk.email(event_type="project_access_granted")
    desk.pass_time(0)
    desk.run()
    assert len(desk.server.accepted) == 1
    desk.execute("DELETE FROM fanout.switches")
    desk.pass_time(0)
    desk.run()
    assert set(desk.emails()) == {("sent", True)}


def test_what_finds_no_place_in_the_rate_goes_into_one_request(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 1, tokens = 1")
    many(desk, 30)
    desk.run()
    [request] = desk.server.asked
    assert request.path == "/emails/batch"
    [(batch, members)] = desk.rows("SELECT id, cardinality(members) FROM fanout.batch_requests")
    assert request.headers["idempotency-key"] == str(batch)
    assert members == 30
    assert set(desk.emails()) == {("sent", True)}
    assert set(desk.server.copies().values()) == {1}


def test_a_dry_run_shows_what_a_provider_may_have(
    desk: MailDesk, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.email()
    desk.server.fail_next(DROPPED_AFTER)
    desk.run()
    desk.pass_time(60)
    before = desk.attempts()
    desk.dry_run = True
    desk.run()
    assert orjson.loads(capfd.readouterr().out)["would"] == "send"
    assert (desk.attempts(), len(desk.server.asked)) == (before, 1)


def test_no_more_is_claimed_than_there_are_places(desk: MailDesk, mail_server: MailServer) -> None:
    desk.smtp = SmtpSettings(url=f"smtp://127.0.0.1:{mail_server.port}")
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 9, tokens = 0")
    desk.execute("UPDATE fanout.rate_limits SET tokens = 4 WHERE name = 'mail:smtp'")
    many(desk, 30)
    desk.run()
    assert sum(mail_server.copies().values()) == 4
    assert Counter(desk.deliveries()) == {("done", 1, 0): 4, ("pending", 0, 0): 26}


def test_a_worker_that_finds_no_place_puts_its_mails_back_where_they_were(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 9, tokens = 1")
    many(desk, 15)
    slow, fast = MailClaims(desk.sender), MailClaims(desk.sender)
    claimed = slow.claim(5)
    work(desk.sender, fast, outbox_of(desk.sender), most=5)
    planned = plan_requests(desk.sender, check_mails(desk.sender, claimed))
    assert planned.asked == []
    write_mail_results(desk.sender.database, TriedMails(settlements=planned.settlements))
    assert not fast.claim(5).leases
    desk.execute("UPDATE fanout.rate_limits SET tokens = 9")
    again = fast.claim(5)
    assert [each.sequence for each in again.leases] == [each.sequence for each in claimed.leases]


@pytest.mark.parametrize("is_outage", [True, False], ids=["outage", "control"])
def test_an_outage_costs_no_mail_its_rank(
    desk: MailDesk,
    is_outage: bool,  # noqa: FBT001
) -> None:
    many(desk, 8)
    claims = MailClaims(desk.sender)
    desk.server.fail_next(*[DOWN] * (4 if is_outage else 1))
    work(desk.sender, claims, outbox_of(desk.sender), most=4)
    assert opened(desk) == (["mail:resend"] if is_outage else [])
    desk.execute("DELETE FROM fanout.switches")
    desk.pass_time(120)
    claims.look_again()
    left = [each.sequence for each in claims.claim().leases]
    [(tried,)] = desk.rows(
        "SELECT array_agg(sequence ORDER BY sequence) FROM fanout.deliveries WHERE attempts = 2"
    )
    # Control: a mail that failed for itself comes after those that nobody has tried.
    assert left == ([*range(1, 9)] if is_outage else [5, 6, 7, 8, *tried])
    assert len(tried) == (4 if is_outage else 1)
    assert {failures for _, _, failures in desk.deliveries()} == ({0} if is_outage else {0, 1})


def test_failures_before_another_process_opened_the_breaker_cost_nothing_either(
    desk: MailDesk,
) -> None:
    many(desk, 2)
    claims, outbox = MailClaims(desk.sender), outbox_of(desk.sender)
    desk.server.fail_next(DOWN, DOWN)
    work(desk.sender, claims, outbox, most=1)
    planned = plan_requests(desk.sender, check_mails(desk.sender, claims.claim(1)))
    # Control: so far it is a failure like any other.
    assert [failures for _, _, failures in desk.deliveries()] == [1, 0]
    desk.execute(
        "INSERT INTO fanout.switches (name, state, reason, until, failures, fingerprint,"
        " cool_off_seconds) VALUES ('mail:resend', 'open', 'r', now(), 3, 'f', 30)"
    )
    for tried in outbox.make(planned.asked, None):
        write_mail_results(desk.sender.database, TriedMails(tried=tried))
    assert [failures for _, _, failures in desk.deliveries()] == [0, 0]


def test_a_batch_of_which_nobody_knows_is_repeated_whole_with_its_key(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 1, tokens = 1")
    many(desk, 30)
    desk.server.fail_next(DROPPED_AFTER)
    desk.run()
    assert {state for state, _, _ in desk.deliveries()} == {"waiting"}
    # New ones come, and two mails of the batch are not wanted any more: it may be sent already.
    desk.execute(
        "UPDATE fanout.deliveries SET expires_at = now(), ages_while_paused = true"
        " WHERE sequence < 3"
    )
    many(desk, 5)
    desk.execute("UPDATE fanout.rate_limits SET tokens = 10, burst = 10")
    desk.forget()
    desk.pass_time(60)
    desk.run()
    first, second = (each for each in desk.server.asked if each.path == "/emails/batch")
    assert (first.body, first.headers["idempotency-key"]) == (
        second.body,
        second.headers["idempotency-key"],
    )
    assert Counter(desk.emails()) == {("sent", True): 35}
    assert set(desk.server.copies().values()) == {1}


def test_a_batch_is_repeated_whole_or_not_at_all(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 9, tokens = 1")
    many(desk, 12)
    desk.server.fail_next(DROPPED_AFTER)
    desk.run()
    desk.execute("UPDATE fanout.rate_limits SET tokens = 9")
    desk.pass_time(60)
    desk.execute(
        "UPDATE fanout.deliveries SET state = 'leased', lease_token = gen_random_uuid(),"
        " attempts = 2, next_attempt_at = now() + interval '1 hour' WHERE sequence = 3"
    )
    desk.run()
    assert len(desk.server.asked) == 1
    assert Counter(state for state, _, _ in desk.deliveries()) == {"waiting": 11, "leased": 1}
    # Control: when its lease ends, a claim of one takes all twelve.
    desk.pass_time(HOUR)
    assert len(MailClaims(desk.sender).claim(1).leases) == 12
    desk.pass_time(60)
    desk.run()
    assert Counter(desk.emails()) == {("sent", True): 12}
    assert (len(desk.server.asked), set(desk.server.copies().values())) == (2, {1})


def test_a_batch_is_repeated_whole_when_the_first_of_its_mails_is_due(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 9, tokens = 1")
    many(desk, 12)
    desk.server.fail_next(DROPPED_AFTER)
    desk.run()
    desk.execute("UPDATE fanout.rate_limits SET tokens = 9")
    # Two workers gave a part of it back, one after the other.
    desk.execute(
        "UPDATE fanout.deliveries SET next_attempt_at ="
        " now() + CASE WHEN sequence < 7 THEN interval '-1 s' ELSE interval '29 s' END"
    )
    desk.run()
    assert Counter(desk.emails()) == {("sent", True): 12}
    assert (len(desk.server.asked), set(desk.server.copies().values())) == (2, {1})


def test_the_trial_of_a_breaker_can_be_a_whole_batch(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 9, tokens = 3")
    many(desk, 12)
    desk.server.fail_always(DOWN)
    claims, outbox = MailClaims(desk.sender), outbox_of(desk.sender)
    for _ in range(3):
        work(desk.sender, claims, outbox)
        desk.pass_time(60)
        desk.execute("UPDATE fanout.rate_limits SET tokens = 3")
    assert opened(desk) == ["mail:resend"]
    claims.look_again()
    assert claims.claim().doors.open == []
    assert [
        batch for (batch,) in desk.rows("SELECT count(DISTINCT batch_id) FROM fanout.deliveries")
    ] == [3]
    desk.server.fail_always(None)
    desk.pass_time(300)
    desk.run()
    assert opened(desk) == []


def test_a_trial_is_not_wasted_on_what_another_closed_provider_may_have(
    desk: MailDesk, mail_server: MailServer
) -> None:
    many(desk, 3)
    desk.server.fail_next(DROPPED_AFTER)
    work(desk.sender, MailClaims(desk.sender), outbox_of(desk.sender), most=1)
    desk.smtp = SmtpSettings(url=f"smtp://127.0.0.1:{mail_server.port}")
    desk.forget()
    desk.execute(
        "INSERT INTO fanout.switches (name, state, reason, until, failures, fingerprint,"
        " cool_off_seconds) VALUES"
        " ('mail:resend', 'open', 'r', now() + interval '1 day', 3, 'f', 30),"
        " ('mail:smtp', 'open', 'r', now(), 3, 'f', 30)"
    )
    # It has its first place again.
    desk.execute(
        "UPDATE fanout.deliveries SET ranked_at = deliver_at - interval '1 s' WHERE sequence = 1"
    )
    desk.pass_time(60)
    desk.run()
    assert opened(desk) == ["mail:resend"]
    desk.pass_time(60)
    desk.run()
    assert sum(mail_server.copies().values()) == 2
    rows = desk.rows("SELECT provider, finished_at IS NULL FROM fanout.deliveries ORDER BY 1")
    assert rows == [("resend", True), ("smtp", False), ("smtp", False)]


def test_a_breaker_keeps_its_trial_for_a_mail_while_another_provider_sends(
    desk: MailDesk, mail_server: MailServer
) -> None:
    desk.smtp = SmtpSettings(url=f"smtp://127.0.0.1:{mail_server.port}")
    desk.forget()
    desk.execute(
        "INSERT INTO fanout.switches (name, state, reason, until, failures, fingerprint,"
        " cool_off_seconds) VALUES ('mail:resend', 'open', 'r', now(), 3, 'f', 30)"
    )
    desk.run()
    assert opened(desk) == ["mail:resend"]
    many(desk, 1)
    desk.run()
    assert opened(desk) == []
    assert set(desk.server.copies().values()) == {1}


def test_nobody_is_asked_for_a_batch_of_which_a_mail_was_lost(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 9, tokens = 1")
    many(desk, 12)
    checked = check_mails(desk.sender, MailClaims(desk.sender).claim())
    assert len(checked.due) == 12
    desk.execute("UPDATE fanout.deliveries SET lease_token = gen_random_uuid() WHERE sequence = 3")
    assert plan_requests(desk.sender, checked).asked == []
    assert desk.rows("SELECT count(*) FROM fanout.batch_requests") == [(0,)]
    assert desk.rows("SELECT count(asked_at) FROM fanout.deliveries") == [(0,)]


def test_a_provider_that_is_left_alone_grants_no_request(desk: MailDesk) -> None:
    database = desk.sender.database
    block(database, "mail:resend", utc_now() + timedelta(seconds=30))
    assert take_requests(database, "mail:resend", 1) == 0
    desk.pass_time(60)
    assert take_requests(database, "mail:resend", 1) == 1


def test_of_a_batch_each_mail_ends_as_the_provider_says(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 1, tokens = 1")
    many(desk, 4)
    desk.server.reserved_is_refused = True
    desk.execute("UPDATE profiles SET email = replace(email, 'x.test', 'acme.dev')")
    desk.execute("UPDATE profiles SET email = 'ann@example.com' WHERE email = 'u4@acme.dev'")
    desk.execute(
        "UPDATE pending_emails SET user_id = (SELECT id FROM profiles WHERE"
        " email = 'ann@example.com') WHERE id = (SELECT min(id) FROM pending_emails)"
    )
    desk.run()
    assert Counter(state for state, _, _ in desk.deliveries()) == {"done": 3, "dead": 1}


def test_a_batch_that_is_refused_as_a_whole_is_sent_one_by_one(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 1, tokens = 1")
    many(desk, 4)
    desk.server.fail_next(Fault(reply=named_error(422, "validation_error", "Expected more.")))
    desk.run()
    assert {state for state, _, _ in desk.deliveries()} == {"waiting"}
    desk.execute("UPDATE fanout.rate_limits SET tokens = 10, burst = 10")
    desk.pass_time(1)
    desk.run()
    assert [request.path for request in desk.server.asked[1:]] == ["/emails"] * 4
    assert set(desk.emails()) == {("sent", True)}


def test_mails_of_a_refused_batch_wait_for_their_place_in_the_rate(desk: MailDesk) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.01, burst = 3, tokens = 1")
    many(desk, 6)
    desk.server.fail_next(Fault(reply=named_error(422, "validation_error", "Expected more.")))
    desk.run()
    for sent in (3, 6):
        desk.execute("UPDATE fanout.rate_limits SET tokens = 3")
        desk.pass_time(1)
        desk.run()
        assert len(desk.server.asked) == 1 + sent
    assert set(desk.emails()) == {("sent", True)}


def test_a_slow_answer_holds_up_no_other_mail(desk: MailDesk) -> None:
    many(desk, 1)
    desk.server.hold()
    desk.patience = 0.05
    desk.run()
    assert [state for state, _, _ in desk.deliveries()] == ["leased"]
    desk.server.release()
    many(desk, 1)
    desk.pass_time(0)
    desk.patience = 5.0
    desk.run(2)
    assert set(desk.server.copies().values()) == {1}


def test_test_mode_without_a_recipient_sends_nothing(desk: MailDesk) -> None:
    desk.recipients = RecipientRule(test_mode=True)
    desk.email()
    desk.run()
    assert desk.server.asked == []
    assert desk.rows("SELECT state, reason FROM fanout.deliveries") == [
        ("cancelled", "test mode is on, without a test recipient")
    ]


def test_no_address_or_text_is_in_the_ledger(desk: MailDesk) -> None:
    desk.execute(
        "UPDATE profiles SET email = 'canary-7f3a@x.test', full_name = 'canary-7f3a'"
        " WHERE email = 'u2@x.test'"
    )
    desk.email(data={"new_member_name": "canary-7f3a", "link_url": "/canary-7f3a"})
    desk.server.fail_next(fault(422, "validation_error", "Invalid `to` canary-7f3a"))
    desk.run()
    for table in ("deliveries", "attempts", "switches", "batch_requests"):
        rows = desk.rows(f"SELECT to_jsonb(t)::text FROM fanout.{table} AS t")  # noqa: S608
        assert "canary" not in str(rows)


def test_pausing_stops_the_clock_of_what_expires(desk: MailDesk) -> None:
    desk.email()
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES ('mail:resend', 'paused')")
    desk.run()
    desk.execute(
        "UPDATE fanout.deliveries SET paused_at = now() - interval '30 hours',"
        " expires_at = now() - interval '6 hours'"
    )
    desk.execute("DELETE FROM fanout.switches")
    switches_of(desk.sender.database).forget()
    desk.pass_time(0)
    desk.run()
    assert desk.emails() == [("sent", True)]


def test_a_trial_whose_mail_is_not_sent_any_more_is_given_to_the_next_one(desk: MailDesk) -> None:
    many(desk, 4)
    desk.server.fail_always(fault(401, "missing_api_key"))
    desk.run()
    assert opened(desk) == ["mail:resend"]
    desk.run()
    desk.server.fail_always(None)
    desk.pass_time(301)
    assert {state for state, _, _ in desk.deliveries()} == {"paused"}
    desk.execute(
        "DELETE FROM pending_emails WHERE id = (SELECT source_id::bigint FROM fanout.deliveries"
        " ORDER BY priority, next_attempt_at LIMIT 1)"
    )
    desk.run()
    assert opened(desk) == []
    assert Counter(state for state, _, _ in desk.deliveries())["cancelled"] == 1


def test_control_a_trial_that_a_killed_worker_took_costs_a_cool_off(desk: MailDesk) -> None:
    many(desk, 4)
    desk.server.fail_always(fault(401, "missing_api_key"))
    desk.run()
    desk.server.fail_always(None)
    desk.pass_time(301)
    switches_of(desk.sender.database).forget()
    assert MailClaims(desk.sender).claim().doors.trial == "resend"
    desk.run()
    assert opened(desk) == ["mail:resend"]
    desk.pass_time(301)
    desk.run()
    assert opened(desk) == []
