"""Broadcasts: who may send one, and that each way out tells it once."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.ops.broadcasts.send import Broadcast, send_broadcast
from pipeline.settings import DatabaseSettings
from tests.golden.stage import Stage
from tests.steps.push.conftest import desk
from tests.steps.push.desk import PushDesk
from tests.steps.push.rows import EVERYONE

__all__ = ["desk"]

ROOT = Path(__file__).parents[2]
MAINTENANCE = Broadcast(audience="everyone", title="Back at 18:00", body="Maintenance")
SENT = "SELECT channel, recipient, state, attempts FROM fanout.deliveries ORDER BY 1"


@pytest.fixture
def settings(stage: Stage) -> DatabaseSettings:
    return DatabaseSettings(dsn=stage.database.broadcaster_dsn)


def switch_on(stage: Stage, *channels: str) -> None:
    for channel in channels:
        stage.execute(
            "INSERT INTO fanout.channels (channel) VALUES (%s) ON CONFLICT DO NOTHING", channel
        )


def test_the_bus_is_told_once_though_the_phones_fail_twice(desk: PushDesk) -> None:
    settings = DatabaseSettings(dsn=desk.stage.database.broadcaster_dsn)
    desk.run()
    send_broadcast(settings, MAINTENANCE)
    desk.fcm.status = 503
    desk.run()
    desk.pass_time(5)
    desk.run()
    assert desk.rows(SENT) == [
        ("bus", "topic:global_notifications", "done", 1),
        ("fcm", "topic:all", "waiting", 2),
    ]
    desk.fcm.status = None
    desk.pass_time(60)
    desk.run()
    assert [row[2] for row in desk.rows(SENT)] == ["done", "done"]
    assert len(desk.bus.taken) == 1
    assert len(desk.fcm.taken) == 1


def test_f29_the_nil_uuid_of_a_broadcaster_is_one_message_to_each_topic(desk: PushDesk) -> None:
    desk.run()
    with psycopg.connect(desk.stage.database.broadcaster_dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO activity.notifications (user_id, title, message) VALUES (%s, 't', 'm')",
            [EVERYONE],
        )
    desk.run()
    assert [row[:3] for row in desk.rows(SENT)] == [
        ("bus", "topic:global_notifications", "done"),
        ("fcm", "topic:all", "done"),
    ]
    assert (len(desk.bus.taken), len(desk.fcm.taken)) == (1, 1)
    assert desk.activity() == [(True, 0, None)]


def test_a_topic_has_the_same_name_on_each_way_out(
    stage: Stage, settings: DatabaseSettings
) -> None:
    switch_on(stage, "bus", "fcm", "email")
    topic = Broadcast(audience="topic:release-notes", title="t", body="b")
    sent = send_broadcast(settings, topic)
    assert list(sent.deliveries) == [
        ("bus", "topic:release-notes"),
        ("fcm", "topic:release-notes"),
    ]
    assert [row[:2] for row in stage.rows(SENT)] == list(sent.deliveries)


def test_it_is_audited_by_the_login_and_says_nothing_of_the_text(
    stage: Stage, settings: DatabaseSettings
) -> None:
    switch_on(stage, "bus")
    sent = send_broadcast(settings, MAINTENANCE)
    assert stage.rows("SELECT who, identity, action, target, result FROM fanout.audit") == [
        (
            *("test_broadcaster", "login", "broadcast"),
            f"broadcast={sent.id} audience=everyone",
            "written",
        )
    ]
    assert stage.rows("SELECT created_by FROM fanout.broadcasts") == [("test_broadcaster",)]


def test_the_same_id_again_sends_nothing(stage: Stage, settings: DatabaseSettings) -> None:
    switch_on(stage, "bus")
    again = uuid4()
    for _ in range(2):
        assert send_broadcast(settings, MAINTENANCE, id_=again).id == again
    assert stage.rows("SELECT count(*) FROM fanout.deliveries") == [(1,)]
    assert stage.rows("SELECT count(*) FROM fanout.audit") == [(1,)]


def test_a_dry_run_writes_nothing(stage: Stage, settings: DatabaseSettings) -> None:
    switch_on(stage, "bus")
    sent = send_broadcast(settings, MAINTENANCE, dry_run=True)
    assert (sent.id, len(sent.deliveries)) == (None, 1)
    for table in ("deliveries", "broadcasts", "audit"):
        assert stage.rows(f"SELECT count(*) FROM fanout.{table}") == [(0,)]  # noqa: S608


def test_without_push_it_is_refused_and_nothing_is_left(
    stage: Stage, settings: DatabaseSettings
) -> None:
    with pytest.raises(ConfigurationError, match="push is not switched on"):
        send_broadcast(settings, MAINTENANCE)
    assert stage.rows("SELECT count(*) FROM fanout.broadcasts") == [(0,)]


@pytest.mark.parametrize("login", ["producer_dsn", "operator_dsn", "push_dsn", "writer_dsn"])
def test_no_other_role_may_send_one(stage: Stage, login: str) -> None:
    switch_on(stage, "bus")
    dsn = getattr(stage.database, login)
    with pytest.raises(ConfigurationError, match="connect as a member of fanout_broadcaster"):
        send_broadcast(DatabaseSettings(dsn=dsn), MAINTENANCE)
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        pytest.raises(InsufficientPrivilege),
    ):
        connection.execute(
            "INSERT INTO fanout.broadcasts (id, audience, title, body)"
            " VALUES (gen_random_uuid(), 'everyone', 't', 'b')"
        )


@pytest.mark.parametrize(
    ("audience", "title"),
    [("all", "t"), ("topic:", "t"), ("topic:a b", "t"), ("topic:a\n", "t"), ("everyone", " ")],
)
def test_an_audience_or_a_title_that_is_none_is_refused(audience: str, title: str) -> None:
    with pytest.raises(UsageError, match=r"invalid (audience|title)"):
        Broadcast(audience=audience, title=title, body="b")


def command(dsn: str, *flags: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "pipeline", "broadcast", "--to", "everyone"),
            *("--title", "Back at 18:00", "--body", "Maintenance", *flags),
        ],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": dsn},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("typed", "sent"), [("everyone\n", 1), ("yes\n", 0)])
def test_a_person_types_the_audience_before_it_goes_out(
    stage: Stage, typed: str, sent: int
) -> None:
    switch_on(stage, "bus")
    keyboard, terminal = pty.openpty()
    try:
        running = command(stage.database.broadcaster_dsn, stdin=terminal)
        os.write(keyboard, typed.encode())
        _, asked = running.communicate(timeout=60)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert "This tells EVERYONE. It cannot be taken back.\nType everyone to send it: " in asked
    assert running.returncode == (0 if sent else 2)
    assert stage.rows("SELECT count(*) FROM fanout.broadcasts") == [(sent,)]


def test_a_program_says_yes_and_gets_json(stage: Stage) -> None:
    switch_on(stage, "bus")
    refused = command(stage.database.broadcaster_dsn)
    assert "nobody can confirm here: use --yes" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    done = command(stage.database.broadcaster_dsn, "--yes", "--json")
    answer = json.loads(done.communicate(timeout=60)[0])
    assert answer["deliveries"] == [["bus", "topic:global_notifications"]]
    assert stage.rows("SELECT id::text FROM fanout.broadcasts") == [(answer["id"],)]
