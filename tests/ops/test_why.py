import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from rich.console import Console

from pipeline.__main__ import main
from pipeline.clients.postgres.pool import close_pools, get_pool
from pipeline.domain.errors import ConfigurationError, NotFound
from pipeline.facts.channels import channels_of
from pipeline.ops.migrate import migrate
from pipeline.ops.why import document, read_account
from pipeline.ops.why.account import PersonAccount
from pipeline.screens.why import show
from pipeline.settings import DatabaseSettings
from tests.databases import Database, Databases
from tests.golden.stage import Stage
from tests.golden.world import O1, P1, R1, T1, U1, U2, U3, U4, populate

WIDTH: Final = 80
STRANGER: Final = UUID(int=0x57)


@pytest.fixture
def uploaded(stage: Stage) -> int:
    """An upload by Ann: Bob and Dee are told, and the third person may not view it."""
    return stage.emit(
        "document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1, resource_id=R1
    )


def screen(stage: Stage, event: int, user: UUID | None = None) -> str:
    """What an operator sees, on a terminal of 80 columns."""
    account = read_account(DatabaseSettings(dsn=stage.database.operator_dsn), event, user)
    console = Console(file=StringIO(), width=WIDTH, highlight=False)
    show(console, account)
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= WIDTH
    return shown


def said(shown: str) -> str:
    """The screen without its line breaks and columns."""
    return " ".join(shown.split())


def as_json(stage: Stage, event: int, user: UUID | None = None) -> dict[str, Any]:
    """What a program reads."""
    account = read_account(DatabaseSettings(dsn=stage.database.operator_dsn), event, user)
    read: dict[str, Any] = json.loads(orjson.dumps(document(account)))
    return read


def wrote(stage: Stage) -> int:
    """A message by Ann to Bob and a third person."""
    return stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=T1)


def test_one_screen_says_who_got_what_and_who_got_nothing_and_why(
    stage: Stage, uploaded: int
) -> None:
    stage.deliver(uploaded)
    shown = screen(stage, uploaded)
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[1] == f"Event {uploaded}  document_uploaded"
    assert "       actor  Ann Actor" in lines
    assert "     project  Tower" in lines
    assert any(line.startswith("       state  completed 6 min after it was") for line in lines)
    bob = lines.index("  Bob Owner")
    assert lines[bob + 1 : bob + 4] == [
        "      in-app  Document uploaded - Tower  unread",
        "      e-mail  New document uploaded to Tower  with the next digest, not sent yet",
        "",
    ]
    assert lines[lines.index("  Ann Actor") + 1] == "     neither  they did it themselves"
    assert lines[lines.index("  u3@x.test") + 1] == "     neither  they may not view it"
    assert len(lines) <= 24


def test_what_was_read_and_sent_since_says_so(stage: Stage, uploaded: int) -> None:
    stage.deliver(uploaded)
    stage.execute("UPDATE notifications SET read_at = '2026-03-02T12:00Z'")
    stage.execute("UPDATE pending_emails SET status = 'sent', processed_at = '2026-03-02T13:00Z'")
    shown = said(screen(stage, uploaded, U2))
    assert "Document uploaded - Tower read 2026-03-02 12:00:00 UTC" in shown
    assert "with the next digest, sent 2026-03-02 13:00:00 UTC" in shown


@pytest.mark.parametrize(
    ("status", "words"),
    [("processing", "being sent"), ("failed", "could not be sent")],
)
def test_an_email_on_its_way_or_failed_says_so(
    stage: Stage, uploaded: int, status: str, words: str
) -> None:
    stage.deliver(uploaded)
    stage.execute("UPDATE pending_emails SET status = %s", status)
    assert f"with the next digest, {words}" in said(screen(stage, uploaded, U2))


def test_the_preference_that_muted_someone_is_named(stage: Stage, uploaded: int) -> None:
    stage.prefer(U4, "muted", name="document_uploaded", project=P1)
    stage.execute("UPDATE user_notification_preferences SET updated_at = '2026-03-01T09:00Z'")
    stage.deliver(uploaded)
    assert (
        "neither they muted it for the project their preference: project Tower, event type"
        " document_uploaded, channel in_app, muted since 2026-03-01 09:00:00 UTC"
    ) in said(screen(stage, uploaded, U4))


def test_a_muted_channel_leaves_the_other(stage: Stage, uploaded: int) -> None:
    stage.prefer(U4, "muted", channel="email")
    stage.deliver(uploaded)
    shown = said(screen(stage, uploaded, U4))
    assert "in-app Document uploaded - Tower unread" in shown
    assert "not e-mail they muted it everywhere" in shown
    assert "their preference: global, event type *, channel email, muted since" in shown


def test_a_preference_that_was_deleted_or_changed_since_says_so(
    stage: Stage, uploaded: int
) -> None:
    stage.prefer(U2, "muted")
    stage.prefer(U4, "muted", name="document_uploaded", project=P1)
    stage.deliver(uploaded)
    stage.execute("DELETE FROM user_notification_preferences WHERE user_id = %s", U2)
    stage.execute("UPDATE user_notification_preferences SET status = 'digest', updated_at = now()")
    shown = said(screen(stage, uploaded))
    assert "they muted it everywhere their preference was deleted since then" in shown
    assert "their preference was changed later, " in shown
    assert "to: project Tower, event type document_uploaded, channel in_app, digest" in shown


def test_a_message_counted_in_an_open_row_says_what_the_row_says_by_now(stage: Stage) -> None:
    before, first, second = wrote(stage), wrote(stage), wrote(stage)
    stage.deliver(before)
    stage.execute("UPDATE notifications SET read_at = now()")
    stage.deliver(first)
    stage.deliver(second)
    stage.execute("UPDATE notifications SET read_at = now()")
    stage.deliver(wrote(stage))
    assert "in-app New messages in Tower read" in said(screen(stage, first, U2))
    counted = said(screen(stage, second, U2))
    assert "thread #General" in counted
    assert (
        "Bob Owner in-app counted in the thread's open notification now: 2 new messages in #General"
    ) in counted
    [skip] = as_json(stage, second, U2)["people"][0]["skips"]
    assert skip["counted_in"] == "2 new messages in **#General**"
    stage.execute("DELETE FROM notifications")
    assert "open notification which was deleted since then" in said(screen(stage, second, U2))


def test_a_reason_that_is_not_known_is_printed_as_it_is(stage: Stage, uploaded: int) -> None:
    stage.deliver(uploaded)
    stage.execute("UPDATE notification_decisions SET reason = 'moonlight' WHERE user_id = %s", U3)
    assert "neither moonlight" in said(screen(stage, uploaded, U3))


def test_only_the_person_asked_about_is_shown(stage: Stage, uploaded: int) -> None:
    stage.deliver(uploaded)
    shown = screen(stage, uploaded, U2)
    assert "Bob Owner" in shown
    assert "Dee Granted" not in shown


def test_someone_who_was_not_considered_is_told_who_was(stage: Stage) -> None:
    event = wrote(stage)
    stage.deliver(event)
    assert (
        "Dee Granted nothing they were not considered; who may hear of chat_message_sent: The"
        " participants of the thread. A mentioned person who is not one gets nothing."
    ) in said(screen(stage, event, U4))
    assert f"{STRANGER} nothing no profile has this id; they were not considered" in said(
        screen(stage, event, STRANGER)
    )


def test_an_event_without_an_audience_says_why_and_who_it_would_be(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {}, actor_id=U1)
    stage.deliver(event)
    shown = said(screen(stage, event))
    assert "state completed 6 min after it was written: the event names no project" in shown
    assert "nobody who may hear of document_uploaded: Everybody in the project;" in shown
    assert "and nobody else was: the event names no project" in said(screen(stage, event, U2))


def test_a_dead_event_shows_its_error_and_where_its_message_is_kept(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {"fileName": {"base": "a"}}, project_id=P1)
    stage.deliver(event)
    stage.deliver(event)
    letter = stage.rows("SELECT id FROM event_dead_letters")[0][0]
    shown = said(screen(stage, event))
    assert "state dead 6 min after it was written" in shown
    assert "stage decode" in shown
    assert "error InvalidEvent: payload: fileName: a string is needed" in shown
    assert f"dead letter row {letter} of event_dead_letters, attempt 2, " in shown
    assert f"next fix the cause, then: python -m pipeline replay --event {event}" in shown
    assert f"python -m pipeline dead-letters resolve --id {letter} --reason TEXT" in shown
    assert "they were not considered; the event is dead" in said(screen(stage, event, U2))


def test_what_is_too_large_says_what_to_do_and_that_helps(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {"fileName": ["x"] * 1_000_000}, project_id=P1)
    stage.deliver(event)
    shown = said(screen(stage, event))
    assert "KB, more than 4096 KB: shorten it, then: python -m pipeline replay" in shown
    shorten = "shorten the used part of its payload in domain_events, then: python -m pipeline"
    assert f"next {shorten} replay --event {event}; or, if nobody needs to be told:" in shown
    stage.execute("UPDATE domain_events SET payload = '{}' WHERE id = %s", event)
    stage.deliver(event)
    assert stage.ledger() == {event: "completed"}


def test_a_dead_event_whose_letter_is_gone_still_shows_its_error(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {"fileName": 1}, project_id=P1)
    stage.deliver(event)
    stage.execute("DELETE FROM event_dead_letters")
    shown = said(screen(stage, event))
    assert "error InvalidEvent: payload: fileName" in shown
    assert "dead letter" not in shown


def test_a_letter_that_was_resolved_stays_visible(stage: Stage, uploaded: int) -> None:
    stage.deliver(uploaded)
    stage.execute(
        "INSERT INTO event_dead_letters (letter_key, event_id, stage, error_class, message,"
        " fingerprint, resolved_at, resolution)"
        " VALUES ('event:' || %s, %s, 'decide', 'HandlerFailed', 'a bug', 'f00d', now(), 'fixed')",
        str(uploaded), uploaded,
    )  # fmt: skip
    shown = said(screen(stage, uploaded))
    assert "state completed" in shown
    assert "resolved: fixed" in shown


def test_a_dead_event_whose_letter_was_resolved_by_hand_says_so_and_how_to_tell_it_after_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = stage.emit("document_uploaded", {"fileName": 1}, project_id=P1)
    stage.deliver(event)
    [(letter,)] = stage.rows("SELECT id FROM event_dead_letters")
    monkeypatch.setenv("DATABASE_URL", stage.database.operator_dsn)
    assert main(["dead-letters", "resolve", "--id", str(letter), "--reason", "told by phone"]) == 0
    capsys.readouterr()
    stage.execute("UPDATE event_dead_letters SET resolved_at = '2026-03-02T12:00Z'")
    advice = (
        "nothing: its dead letter was resolved by hand 2026-03-02 12:00:00 UTC"
        " (test_operator: told by phone); to tell people anyway, fix the cause, then:"
        f' python -m pipeline replay --event {event} --apply --topic "$TOPIC"'
    )
    assert as_json(stage, event)["next"] == advice
    assert f"next {advice}" in said(screen(stage, event))
    assert main(["replay", "--event", str(event)]) == 0
    *_, planned = capsys.readouterr().out.splitlines()
    assert json.loads(planned)["planned"] == 1
    stage.deliver(event)
    assert "next fix the cause, then: " in said(screen(stage, event))


def test_an_expired_event_says_how_old_is_too_old(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {}, project_id=P1, age=timedelta(hours=30))
    stage.deliver(event)
    shown = said(screen(stage, event))
    assert "state expired 1.3 d after it was written: older than 24 hours" in shown
    assert "next too late to tell anyone; to tell people anyway" in shown


def test_an_unrouted_event_asks_for_a_handler(stage: Stage, uploaded: int) -> None:
    unknown = stage.emit("moon_rose", {})
    stage.deliver(unknown)
    shown = said(screen(stage, unknown))
    assert "state unrouted 6 min after it was written: no handler for this event type" in shown
    assert "next add a handler for moon_rose (docs/adding-an-event-type.md)" in shown
    stage.deliver(uploaded)
    stage.execute("UPDATE notification_processing SET processing_status = 'unrouted'")
    assert "next document_uploaded has a handler now" in said(screen(stage, uploaded))


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=5), r"\d+\.\d s old and probably in the stream: ask again in a moment"),
        (timedelta(hours=3), r"3\.0 h old: check that Debezium and the pipeline run; python -m"),
    ],
    ids=["young", "old"],
)
def test_an_event_not_processed_yet_says_how_old_it_is(
    stage: Stage, age: timedelta, words: str
) -> None:
    event = stage.emit("document_uploaded", {}, project_id=P1, age=age)
    shown = said(screen(stage, event))
    assert "state not processed yet" in shown
    assert re.search(f"next it is {words}", shown)


def test_a_state_of_another_program_is_shown_as_it_is(stage: Stage, uploaded: int) -> None:
    stage.execute(
        "INSERT INTO notification_processing (event_id, processing_status) VALUES (%s, 'failed')",
        uploaded,
    )
    shown = said(screen(stage, uploaded))
    assert "state failed next another program set this state; it is not final" in shown


def test_an_event_that_does_not_exist_is_one_line(stage: Stage) -> None:
    settings = DatabaseSettings(dsn=stage.database.operator_dsn)
    with pytest.raises(NotFound, match=r"^domain_events has no event 99: it was deleted, or"):
        read_account(settings, 99, None)
    stage.execute(
        "INSERT INTO event_dead_letters (letter_key, event_id, stage, error_class, message,"
        " fingerprint) VALUES ('event:99', 99, 'write', 'UnknownEvent', 'gone', 'f00d')"
    )
    with pytest.raises(NotFound, match=r"its message is row 1 of event_dead_letters$"):
        read_account(settings, 99, None)


def test_nothing_in_an_event_is_taken_for_markup_or_obeyed(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1)
    stage.deliver(event)
    stage.execute("UPDATE notifications SET title = %s", "[bold]a\x1b[31m\n\nb")
    assert "[bold]a\\x1b[31m b  unread" in screen(stage, event, U2)


def test_json_has_the_same_keys_whatever_became_of_the_event(stage: Stage, uploaded: int) -> None:
    dead = stage.emit("document_uploaded", {"fileName": 1}, project_id=P1)
    young = stage.emit("moon_rose", {}, thread_id=T1)
    stage.deliver(uploaded, dead)
    found = [as_json(stage, event) for event in (uploaded, dead, young)]
    assert {tuple(each) for each in found} == {
        ("event", "state", "dead_letter", "people", "people_after", "endpoints", "audience", "next")
    }
    assert len({tuple(each["state"]) for each in found}) == 1
    assert [each["state"]["status"] for each in found] == ["completed", "dead", None]
    assert found[1]["dead_letter"]["stage"] == "decode"
    assert found[2]["event"]["thread"] == {"id": str(T1), "name": "General"}
    assert found[2]["audience"] is None


def test_json_says_of_each_person_what_the_screen_says(stage: Stage, uploaded: int) -> None:
    stage.prefer(U4, "muted", channel="email")
    stage.deliver(uploaded)
    people = {person["name"]: person for person in as_json(stage, uploaded)["people"]}
    assert list(people) == ["Bob Owner", "Dee Granted", "Ann Actor", "u3@x.test"]
    assert people["Bob Owner"]["received"][1] == {
        "channel": "email",
        "what": "New document uploaded to Tower",
        "delivery": "aggregated",
        "status": "pending",
        "since": None,
    }
    [skip] = people["Dee Granted"]["skips"]
    assert skip["words"] == "they muted it everywhere"
    preference = skip["preference"]
    assert (preference["deleted"], preference["changed"]) == (False, False)
    assert (preference["scope"], preference["channel"]) == ("global", "email")
    [asked] = as_json(stage, uploaded, STRANGER)["people"]
    assert (asked["considered"], asked["received"], asked["skips"]) == (False, [], [])


def test_the_command_prints_one_json_object_and_ends_with_0(
    stage: Stage,
    uploaded: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", stage.database.operator_dsn)
    assert main(["why", "--event", str(uploaded), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["event"]["id"] == uploaded
    assert printed.err == ""
    assert main(["why", "--event", str(uploaded), "--user", str(U2)]) == 0
    assert "not processed yet" in (shown := capsys.readouterr().out)
    assert "\x1b" not in shown


def test_the_command_ends_with_1_and_a_line_where_there_is_no_event(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", stage.database.operator_dsn)
    assert main(["why", "--event", "99"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("pipeline why: domain_events has no event 99")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("event", ["abc", "-1", "0", str(2**63)])
def test_what_is_no_event_id_is_refused(event: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["why", f"--event={event}"])
    assert refused.value.code == 2
    assert f"invalid event id {event!r}: expected a number such as 42" in capsys.readouterr().err


def test_a_database_without_our_tables_names_the_fix(empty_database: Database) -> None:
    with pytest.raises(ConfigurationError, match="python -m pipeline migrate"):
        read_account(DatabaseSettings(dsn=empty_database.dsn), 1, None)


@pytest.mark.parametrize("created_at", ["infinity", "-infinity", "294276-01-01"])
def test_an_event_of_whatever_time_has_an_account(stage: Stage, created_at: str) -> None:
    event = stage.emit("moon_rose", {})
    stage.execute("UPDATE domain_events SET created_at = %s::timestamptz", created_at)
    assert "moon_rose" in screen(stage, event)
    stage.execute(
        "INSERT INTO notification_processing (event_id, processing_status, completed_at)"
        " VALUES (%s, 'unrouted', now())",
        event,
    )
    assert "unrouted" in screen(stage, event)
    assert as_json(stage, event)["event"]["type"] == "moon_rose"


def test_an_event_from_the_future_is_said_to_be_one(stage: Stage, uploaded: int) -> None:
    stage.execute("UPDATE domain_events SET created_at = now() + interval '2 hours 5 minutes'")
    waiting = said(screen(stage, uploaded))
    assert "UTC, 2.1 h in the future" in waiting
    assert "next its created_at is 2.1 h in the future: the producer's clock is fast;" in waiting
    stage.deliver(uploaded)
    done = said(screen(stage, uploaded))
    assert "completed 2.1 h before its created_at: the producer's clock is fast" in done


def test_a_clock_that_is_a_little_fast_is_none_worth_a_word(stage: Stage, uploaded: int) -> None:
    stage.deliver(uploaded)
    stage.execute(
        "UPDATE domain_events SET created_at = completed_at + interval '500 milliseconds'"
        " FROM notification_processing WHERE event_id = domain_events.id"
    )
    assert "future" not in (shown := said(screen(stage, uploaded)))
    assert "completed 0 ms after it was written" in shown


def test_many_may_ask_at_a_time_in_one_process(stage: Stage, uploaded: int) -> None:
    stage.deliver(uploaded)
    settings = DatabaseSettings(dsn=stage.database.operator_dsn)
    pool = get_pool(settings)
    with ThreadPoolExecutor(4) as asking:
        accounts = list(asking.map(lambda _: read_account(settings, uploaded, None), range(20)))
    assert {len(account.people) for account in accounts} == {len(accounts[0].people)}
    # Reading an account does not close pools that others use.
    assert not pool.closed


def test_an_account_of_many_people_is_read_in_parts_that_together_are_the_whole(
    stage: Stage,
) -> None:
    """Most people have two rows: a part that is cut between them leaves the person to the next."""
    stage.prefer(U4, "muted", channel="email")
    event = stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1, resource_id=R1)
    stage.deliver(event)
    settings = DatabaseSettings(dsn=stage.database.operator_dsn)
    whole = read_account(settings, event, None)
    assert whole.people_after is None
    assert len(whole.people) >= 3
    for most in (2, 3, 4):
        people: list[PersonAccount] = []
        after = None
        while True:
            part = read_account(settings, event, None, after=after, most=most)
            people += part.people
            if part.people_after is None:
                break
            assert after is None or part.people_after > after
            after = part.people_after
        assert {each.id for each in people} == {each.id for each in whole.people}
        assert sorted(people, key=lambda each: each.id) == sorted(
            whole.people, key=lambda each: each.id
        )


def test_it_goes_on_to_the_mail_its_tries_and_what_the_provider_said(stage: Stage) -> None:
    event = stage.emit(
        "invite_accepted", {"org_id": str(O1), "new_member_id": str(U3)}, actor_id=U3
    )
    stage.execute("INSERT INTO fanout.channels (channel) VALUES ('email')")
    channels_of.cache_clear()
    stage.deliver(event)
    channels_of.cache_clear()
    assert "waits to be sent" in said(screen(stage, event, U1))
    end = (
        "UPDATE fanout.deliveries SET state = %s, finished_at = %s, provider = 'resend',"
        " provider_id = %s, reason = %s WHERE user_id = %s"
    )
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    stage.execute(end, "done", moment, "49a3999c", None, U1)
    stage.execute(end, "dead", moment, None, "resend refused its address: validation_error:to", U2)
    for number, result, reason in (
        (1, "failed", "resend gave no usable answer: ReadTimeout"),
        (2, "done", None),
    ):
        stage.execute(
            "INSERT INTO fanout.attempts (source, record_id, number, started_at, result, reason)"
            " SELECT 'deliveries', id::text, %s, now(), %s, %s FROM fanout.deliveries"
            " WHERE user_id = %s",
            number, result, reason, U1,
        )  # fmt: skip
    for number, (kind, detail) in enumerate(
        [("email.complained", None), ("email.bounced", "Permanent/General"), ("email.sent", None)]
    ):
        # The last one happened first.
        stage.execute(
            "INSERT INTO fanout.provider_reports"
            " (provider, report_id, kind, provider_id, at, detail)"
            " VALUES ('resend', %s, %s, '49a3999c', %s, %s)",
            f"msg_{number}", kind, moment + timedelta(seconds=20 - number), detail,
        )  # fmt: skip
    shown = said(screen(stage, event))
    assert (
        "resend then said email.sent 2026-03-02 12:00:18 UTC"
        " resend then said email.bounced (Permanent/General) 2026-03-02 12:00:19 UTC"
        " resend then said email.complained 2026-03-02 12:00:20 UTC"
    ) in shown
    assert "resend accepted it 2026-03-02 12:00:00 UTC as 49a3999c" in shown
    assert "try 1: resend gave no usable answer: ReadTimeout try 2: done" in shown
    assert "failed for good 2026-03-02 12:00:00 UTC: resend refused its address" in shown
    account = read_account(DatabaseSettings(dsn=stage.database.operator_dsn), event, U1)
    [person] = json.loads(orjson.dumps(document(account)))["people"]
    [delivery] = person["deliveries"]
    assert (delivery["state"], delivery["provider_id"]) == ("done", "49a3999c")
    assert [each["result"] for each in delivery["tries"]] == ["failed", "done"]
    assert [each["kind"] for each in delivery["reports"]][:2] == ["email.sent", "email.bounced"]


def test_a_database_without_deliveries_says_nothing_of_them(databases: Databases) -> None:
    with databases.empty() as database:
        migrate(database.dsn, reference_schema=True)
        with database.connect() as connection:
            populate(connection)
        stage = Stage(database)
        event = stage.emit("document_uploaded", {}, project_id=P1)
        account = read_account(DatabaseSettings(dsn=database.dsn), event, None)
        assert account.people == []
        close_pools()
