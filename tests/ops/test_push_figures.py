"""How pushes stand, by channel, in status and in the figures of a monitoring system."""

from io import StringIO

import pytest
from rich.console import Console

from pipeline.ops.doctor.check import Severity, ok
from pipeline.ops.families import Family
from pipeline.ops.metrics.read import read_figures
from pipeline.ops.migrate import migrate
from pipeline.ops.push.figures import ChannelFigures
from pipeline.ops.status.read import read_status
from pipeline.screens.status import render
from pipeline.settings import CaptureNames, DatabaseSettings
from tests.databases import Database
from tests.ops.examination import found
from tests.ops.test_mail_figures import ended, plant, waiting


def figures(database: Database) -> dict[str, ChannelFigures]:
    pushes = read_status(DatabaseSettings(dsn=database.viewer_dsn)).pushes
    assert pushes is not None
    return dict(pushes)


def screen(database: Database) -> str:
    shown = StringIO()
    console = Console(file=shown, width=300)
    console.print(render(read_status(DatabaseSettings(dsn=database.viewer_dsn))))
    return shown.getvalue()


def test_each_channel_has_its_own_counts(database: Database) -> None:
    waiting(database, 2, since="30 seconds", channel="'bus'")
    waiting(database, since="2 days")
    # Quiet hours, or a retry: it is due, but nobody could take it.
    waiting(
        database, since="8 hours", channel="'fcm'", state="'waiting'",
        next_attempt_at="now() + interval '1 h'",
    )  # fmt: skip
    waiting(database, since="-1 hour", channel="'fcm'")
    waiting(database, 3, since="1 hour", channel="'webhook'", state="'paused'")
    plant(database, 4, channel="'bus'", state="'digest'")
    plant(database, channel="'bus'", state="'digest'", source_taken_at="now()")
    with database.connect() as connection:
        for state, minutes in (("done", 5), ("dead", 10), ("dead", 70), ("expired", 1)):
            connection.execute(
                "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, state,"
                " finished_at) VALUES (gen_random_uuid(), 'test:' || %s || %s, 'fcm', 'x', 'k',"
                " %s, now() - make_interval(mins => %s))",
                (state, minutes, state, minutes),
            )

    seen = figures(database)

    assert list(seen) == ["bus", "fcm", "webhook"]
    bus, phone, webhook = seen["bus"], seen["fcm"], seen["webhook"]
    assert (bus.waiting, bus.later, bus.held_back, bus.in_digest) == (2, 0, 0, 4)
    assert bus.oldest_seconds == pytest.approx(30, abs=20)
    assert (phone.waiting, phone.later, phone.oldest_seconds) == (1, 1, None)
    assert (phone.sent_last_hour, phone.failed_last_hour, phone.expired_last_hour) == (1, 1, 1)
    assert (webhook.waiting, webhook.held_back) == (0, 3)
    shown = screen(database)
    assert "bus: 2 due, the oldest for 3" in shown
    assert "4 for the next digest; in the last hour 0 sent, 0 failed, 0 expired" in shown
    assert "phone: 0 due, 1 for later; in the last hour 1 sent, 1 failed, 1 expired" in shown
    assert "webhook: 0 due, 3 held back" in shown
    collected = read_figures(DatabaseSettings(dsn=database.operator_dsn), CaptureNames()).pushes
    assert collected is not None
    assert {name: each.waiting for name, each in collected.items()} == {
        "bus": 2, "fcm": 1, "webhook": 0,
    }  # fmt: skip


def test_what_nobody_takes_for_ten_minutes_stands_still(database: Database) -> None:
    waiting(database, since="9 minutes", channel="'bus'")
    assert figures(database)["bus"].stuck == 0
    waiting(database, since="11 minutes", channel="'bus'")
    assert figures(database)["bus"].stuck == 1
    words = "1 signal could be sent for 10 min, nobody takes them"
    assert words in screen(database)
    finding = found(database, "pushes")
    assert (finding.severity, finding.seen) == (Severity.FAILED, words)
    assert "run --graph push" in (finding.fix or "")


def test_where_more_fail_than_arrive_somebody_should_look(database: Database) -> None:
    ended(database, "dead", 10, ago="30 minutes", channel="'fcm'")
    ended(database, "dead", 90, ago="70 minutes", channel="'fcm'")
    assert found(database, "pushes").severity is Severity.OK
    ended(database, "dead", 2, ago="30 minutes", channel="'fcm'")
    ended(database, "done", 11, ago="30 minutes", channel="'fcm'")
    finding = found(database, "pushes")
    words = "12 pushes failed for good in an hour, 11 arrived"
    assert (finding.severity, finding.seen) == (Severity.WARNING, words)
    assert words in screen(database)
    with database.connect() as connection:
        statement = (finding.fix or "").partition(": ")[2]
        assert ("fcm", None, 12) in connection.execute(statement.encode()).fetchall()
    ended(database, "done", ago="30 minutes", channel="'fcm'")
    assert found(database, "pushes").severity is Severity.OK


def test_mails_are_counted_apart(database: Database) -> None:
    ended(database, "done", ago="1 minute")
    waiting(database, since="1 minute")
    assert all(each.waiting + each.sent_last_hour == 0 for each in figures(database).values())


def test_with_push_alone_they_are_shown_and_without_it_there_is_no_line(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    assert read_status(DatabaseSettings(dsn=empty_database.viewer_dsn)).pushes is None
    assert "pushes" not in screen(empty_database)
    assert found(empty_database, "pushes") == ok("the family push is not installed")
    migrate(empty_database.dsn, family=Family.PUSH)
    waiting(empty_database, since="5 seconds", channel="'bus'")
    assert "pushes  bus: 1 due" in screen(empty_database)
