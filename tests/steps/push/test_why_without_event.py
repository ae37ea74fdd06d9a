"""``why`` of what has no event: rows of activity.notifications, broadcasts, and one delivery."""

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import orjson
import pytest
from rich.console import Console

from pipeline.__main__ import main
from pipeline.domain.errors import ConfigurationError, NotFound
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.why import (
    CauseAccount,
    cause_document,
    read_activity,
    read_broadcast,
    read_delivery,
)
from pipeline.screens.why import show_cause
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.steps.push.desk import NOBODY, U2, PushDesk

Read = Callable[[DatabaseSettings, UUID], CauseAccount]


def account(desk: PushDesk, read: Read, id_: UUID) -> CauseAccount:
    """What the viewer reads; the operator reads the same."""
    seen = read(DatabaseSettings(dsn=desk.stage.database.viewer_dsn), id_)
    assert read(DatabaseSettings(dsn=desk.stage.database.operator_dsn), id_) == seen
    return seen


def said(found: CauseAccount) -> str:
    console = Console(width=400, record=True)
    show_cause(console, found)
    return " ".join(console.export_text().split())


def activity(desk: PushDesk, row: UUID) -> str:
    return said(account(desk, read_activity, row))


def test_a_row_that_reached_the_phone_says_so_with_its_tries(desk: PushDesk) -> None:
    desk.device("phone", U2)
    row = desk.notify()
    assert "state waits until push takes it: python -m pipeline run --graph push" in activity(
        desk, row
    )
    desk.run(2)
    shown = activity(desk, row)
    assert f"activity.notifications:{row} kind system to {U2}" in shown
    assert "and all has ended" in shown
    assert "bus → nobody was connected: sent to the phone (" in shown
    assert "phone → fcm accepted it" in shown
    read = json.loads(orjson.dumps(cause_document(account(desk, read_activity, row))))
    assert [each["channel"] for each in read["deliveries"]] == ["bus", "fcm"]
    assert [each["result"] for each in read["deliveries"][1]["tries"]] == ["done"]
    assert read["deliveries"][1]["words"].startswith("fcm accepted it")
    assert read["row"]["words"].endswith("and all has ended")


def test_each_row_that_is_not_sent_says_why(desk: PushDesk) -> None:
    nobody_there = desk.notify()
    too_late = desk.notify(expires_at="2026-01-01T00:00Z")
    desk.run(2)
    assert "bus → not sent: nobody was connected, and no phone can be reached (" in activity(
        desk, nobody_there
    )
    assert "bus → not sent: it came too late to be of use (" in activity(desk, too_late)
    marked = desk.notify(is_processed=True)
    assert "not sent: it was marked as processed before push took it" in activity(desk, marked)
    desk.execute("UPDATE activity.notifications SET last_error = NULL WHERE id = %s", nobody_there)
    desk.execute("DELETE FROM fanout.deliveries WHERE source_id = %s", str(nobody_there))
    assert "its deliveries were deleted since then" in activity(desk, nobody_there)
    nameless = desk.notify()
    desk.execute("ALTER TABLE activity.notifications ALTER COLUMN user_id DROP NOT NULL")
    desk.execute("UPDATE activity.notifications SET user_id = NULL WHERE id = %s", nameless)
    desk.run(1)
    assert "told nobody: user_id is missing: give the id of a person" in activity(desk, nameless)
    old = desk.notify(created_at="2026-01-01T00:00Z")
    assert "not sent: it is older than push, which is on since" in activity(desk, old)
    desk.execute("DELETE FROM fanout.channels")
    assert "not sent: push is not switched on yet" in activity(desk, desk.notify())


def test_a_row_of_any_time_has_an_account(desk: PushDesk) -> None:
    for time in ("infinity", "-infinity", "20000-01-01"):
        row = desk.notify(deliver_at=time, created_at=time)
        assert f"activity.notifications:{row}" in activity(desk, row)


def test_a_text_of_a_row_is_not_shown(desk: PushDesk) -> None:
    row = desk.notify(title="Secret title", message="Secret text")
    desk.run(2)
    found = account(desk, read_activity, row)
    assert "Secret" not in said(found) + orjson.dumps(cause_document(found)).decode()


def test_a_broadcast_and_each_delivery_of_it_have_an_account(desk: PushDesk) -> None:
    broadcast = uuid4()
    desk.execute(
        "SELECT fanout.send_broadcast(%s, 'everyone', 'Hello', 'All', NULL, 2::smallint, false)",
        broadcast,
    )
    desk.run(2)
    found = account(desk, read_broadcast, broadcast)
    assert {each.channel for each in found.deliveries} >= {"bus"}
    for each in found.deliveries:
        one = account(desk, read_delivery, each.id)
        assert one.deliveries == [each]
        assert one.cause == f"broadcasts:{broadcast}"
        assert f"broadcasts:{broadcast} kind broadcast" in said(one)


def test_a_row_for_everyone_says_so(desk: PushDesk) -> None:
    row = desk.notify(NOBODY)
    desk.run(2)
    assert "kind system to everyone" in activity(desk, row)


def test_a_row_that_waits_for_a_digest_goes_on_to_the_digest_and_to_what_it_left_out(
    desk: PushDesk,
) -> None:
    row = desk.notify()
    desk.run(1)
    [(push,)] = desk.rows("SELECT id FROM fanout.deliveries")
    digest = uuid4()
    desk.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, state, finished_at,"
        " provider, provider_id) VALUES"
        " (%s, 'digest:1', 'email', 'a', 'digest', 'done', now(), 'resend', '49a3')",
        digest,
    )
    desk.execute(
        "INSERT INTO fanout.digest_pushes (push_id, delivery_id, left_out)"
        " VALUES (%s, %s, 'muted')",
        push,
        digest,
    )
    desk.execute(
        "INSERT INTO fanout.provider_reports (provider, report_id, kind, provider_id, at)"
        " VALUES ('resend', 'msg_1', 'email.sent', '49a3', now())"
    )
    shown = activity(desk, row)
    assert "e-mail → left out of the digest: they had muted it since" in shown
    assert "resend then said email.sent" in shown


def test_the_command_prints_one_json_object_or_the_screen(
    desk: PushDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", desk.stage.database.viewer_dsn)
    row = str(desk.notify())
    assert main(["why", "--activity", row, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["row"]["id"] == row
    desk.run()
    [(delivery,)] = desk.rows("SELECT id FROM fanout.deliveries")
    assert main(["why", "--delivery", str(delivery)]) == 0
    assert "bus → " in capsys.readouterr().out
    assert main(["why", "--broadcast", str(delivery)]) == 1
    assert capsys.readouterr().err.startswith("pipeline why: the broadcast ")
    assert main(["why", "--activity", row, "--user", row]) == 2
    assert "invalid --user: expected only with the number of an event" in capsys.readouterr().err


@pytest.mark.parametrize("read", [read_activity, read_broadcast, read_delivery])
def test_an_unknown_id_is_not_found(desk: PushDesk, read: Read) -> None:
    with pytest.raises(NotFound, match="00000000-0000-0000-0000-000000000007"):
        read(DatabaseSettings(dsn=desk.stage.database.viewer_dsn), UUID(int=7))


def test_the_delivery_of_an_event_leads_to_the_event(desk: PushDesk) -> None:
    id_ = uuid4()
    desk.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind)"
        " VALUES (%s, 'domain_events:42', 'webhook', 'x', 'k')",
        id_,
    )
    assert "next python -m pipeline why --event 42" in said(account(desk, read_delivery, id_))


def test_without_mail_it_works_and_without_the_tables_it_names_the_fix(
    empty_database: Database,
) -> None:
    settings = DatabaseSettings(dsn=empty_database.viewer_dsn)
    migrate(empty_database.dsn, family=Family.KERNEL)
    with pytest.raises(ConfigurationError, match="migrate --family"):
        read_delivery(settings, UUID(int=7))
    migrate(empty_database.dsn, family=Family.PUSH)
    with pytest.raises(ConfigurationError, match="migrate --family activity"):
        read_activity(settings, UUID(int=7))
    migrate(empty_database.dsn, family=Family.ACTIVITY)
    with empty_database.connect() as connection:
        [(row,)] = connection.execute(
            "INSERT INTO activity.notifications (user_id, title, message)"
            " VALUES (gen_random_uuid(), 'Hello', 'All') RETURNING id"
        ).fetchall()
    assert "not sent: push is not switched on yet" in said(read_activity(settings, row))
