"""Times that Python cannot represent, in every column."""

from datetime import timedelta
from typing import Final

import pytest

from pipeline.__main__ import main
from pipeline.clients.postgres.session import Session, SessionConnection
from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import P1, U1, U2

SESSION: Final = Session(name="fanout-test")


TIMES: Final = ("infinity", "-infinity", "0044-03-15 BC", "20000-01-01", "9999-12-31 23:59:59.9+00")


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_every_time_of_postgres_can_be_read(database: Database, kind: str, time: str) -> None:
    with SessionConnection.connect(database.dsn, session=SESSION) as connection:
        read = f"SELECT %(time)s::{kind}, now() - %(time)s::timestamptz, %(time)s::{kind} < now()"
        ((found, age, past),) = connection.execute(read.encode(), {"time": time}).fetchall()
    assert found.year == (1 if past else 9999)
    assert (age > timedelta(0)) is past


@pytest.mark.parametrize("time", TIMES)
def test_a_preference_of_whatever_time_stops_nobody(stage: Stage, time: str) -> None:
    stage.prefer(U2, "muted")
    stage.execute("UPDATE user_notification_preferences SET updated_at = %s", time)
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    told = {row.user for row in stage.notifications()}
    assert U2 not in told
    assert told


@pytest.mark.parametrize(
    "change",
    [
        "ALTER updated_at TYPE timestamp",
        "ALTER updated_at DROP NOT NULL, ALTER updated_at TYPE timestamptz USING NULL",
    ],
)
def test_a_preference_without_a_zone_or_a_time_stops_nobody(stage: Stage, change: str) -> None:
    stage.prefer(U2, "muted")
    stage.execute(f"ALTER TABLE user_notification_preferences {change}")
    stage.prefer(U2, "muted", name="document_uploaded", channel="*")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    assert U2 not in {row.user for row in stage.notifications()}


def test_a_preference_of_a_scope_that_is_not_known_stops_nobody(stage: Stage) -> None:
    stage.execute(
        "ALTER TABLE user_notification_preferences"
        " DROP CONSTRAINT user_notification_preferences_scope_type_check"
    )
    stage.prefer(U2, "muted")
    stage.execute("UPDATE user_notification_preferences SET scope_type = 'organisation'")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    assert U2 in {row.user for row in stage.notifications()}


@pytest.mark.parametrize("time", TIMES)
def test_every_look_at_a_row_of_whatever_time_says_something(
    stage: Stage, time: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.prefer(U2, "muted")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    dead = stage.emit("document_uploaded", {"fileName": 7}, actor_id=U1, project_id=P1)
    stage.deliver(dead)
    for change in (
        "UPDATE user_notification_preferences SET updated_at = %s",
        "UPDATE domain_events SET created_at = %s",
        "UPDATE notification_processing SET completed_at = %s, event_created_at = %s",
        "UPDATE notifications SET read_at = %s, created_at = %s",
        "UPDATE pending_emails SET processed_at = %s, created_at = %s",
        "UPDATE event_dead_letters SET created_at = %s, last_seen_at = %s, resolved_at = NULL",
    ):
        stage.execute(change, *[time] * change.count("%s"))
    monkeypatch.setenv("DATABASE_URL", stage.database.operator_dsn)
    for command in (
        ["status"],
        ["why", "--event", str(event)],
        ["why", "--event", str(dead)],
        ["dead-letters", "list"],
        ["dead-letters", "stats"],
        ["dead-letters", "show", "--event", str(dead)],
        ["replay", "--event", str(dead)],
    ):
        for more in ([], ["--json"]):
            if more and command[0] in {"replay"}:
                continue
            capsys.readouterr()
            assert main([*command, *more]) == 0, command
            said = capsys.readouterr().out
            assert not {"inf", "nan", "NaN", "Infinity"} & set(said.replace(",", " ").split())
