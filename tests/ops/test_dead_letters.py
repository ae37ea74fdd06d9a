"""Dead letters: what an operator sees, and how they are resolved, by a success or by hand."""

import argparse
import json
import os
import subprocess
from collections import Counter
from datetime import timedelta
from typing import Any, Final

import pytest
from psycopg.types.json import Jsonb

from pipeline.clients.postgres.sql import load
from pipeline.commands.dead_letters import add
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import PermanentError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message
from pipeline.ops.status.read import read_status
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.sinks.ledger import mark_dead
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, U2, U4
from tests.programs import Program

CANARY: Final = "kanarienvogel"
# An id that no sequence reaches in these tests.
GONE: Final = 5_000_000_000
HOSTILE: Final = "\x1b[2J\u202e[red]moon[/red]"


def run(stage: Stage, *arguments: str, dsn: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": dsn or stage.database.operator_dsn}
    return Program("pipeline", "dead-letters", *arguments, environment=environment).completed(60)


def output(stage: Stage, *arguments: str) -> str:
    done = run(stage, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def in_json(stage: Stage, *arguments: str) -> Any:  # noqa: ANN401 - each action has a shape
    return json.loads(output(stage, *arguments, "--json"))


def refusal(stage: Stage, *arguments: str, dsn: str | None = None, status: int = 1) -> str:
    """The one line of error that a refused command prints."""
    done = run(stage, *arguments, dsn=dsn)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("pipeline dead-letters: ").rstrip()


def upload(stage: Stage, file_name: object = "plan.pdf") -> int:
    return stage.emit(
        "document_uploaded", {"fileName": file_name}, actor_id=U1, project_id=P1, resource_id=R1
    )


def bury(stage: Stage, *events: int, payload: object = ()) -> None:
    """Make events dead letters because of their payload, then correct the payload."""
    kept = dict(stage.rows("SELECT id, payload FROM domain_events"))
    for event in events:
        put(stage, event, payload)
    stage.deliver(*events)
    for event in events:
        put(stage, event, kept[event])


def put(stage: Stage, event: int, payload: object) -> None:
    """Write another payload into the row of an event."""
    stage.execute("UPDATE domain_events SET payload = %s WHERE id = %s", Jsonb(payload), event)


def letters(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows(
        "SELECT event_id, attempt, resolved_at IS NULL, resolution FROM event_dead_letters"
        " ORDER BY id"
    )


def test_letters_are_listed_by_cause_with_the_last_seen_first(stage: Stage) -> None:
    broken = [upload(stage, []) for _ in range(3)]
    stage.deliver()
    stage.deliver_messages([Message(b"{}", {"event_type": "moon_rose"})])
    nameless, invalid = in_json(stage, "list")
    assert (nameless["error_class"], nameless["sample_event_id"]) == ("MissingAttribute", None)
    assert (nameless["stage"], nameless["event_types"]) == ("fetch", [])
    assert invalid["message"] == "payload: fileName: a string is needed"
    assert (invalid["stage"], invalid["letters"], invalid["open"]) == ("decode", 3, 3)
    assert invalid["sample_event_id"] in broken
    assert invalid["first_seen"] <= invalid["last_seen"] <= nameless["last_seen"]


def test_numbers_in_a_reason_do_not_part_one_cause(stage: Stage) -> None:
    for number in (500, 600):
        upload(stage, ["x" * 10_000] * number)
    stage.deliver()
    (group,) = in_json(stage, "list")
    assert group["message"] == (
        "the used part of the payload has # KB, more than # KB: shorten it, then:"
        " python -m pipeline replay --event ID"
    )
    assert group["letters"] == 2


def test_two_causes_read_differently_and_two_letters_of_one_cause_as_one(stage: Stage) -> None:
    reasons = {
        "the row 41 is refused (SQLSTATE 23502)": "the row # is refused (SQLSTATE 23502)",
        "the row 42 is refused (SQLSTATE 23502)": "the row # is refused (SQLSTATE 23502)",
        "the row 41 is refused (SQLSTATE 23514)": "the row # is refused (SQLSTATE 23514)",
        "KeyError in handler.py:12": "KeyError in handler.py:12",
        "KeyError in handler.py:13": "KeyError in handler.py:13",
    }
    written = [
        DeadLetter.of_event(EventId(upload(stage)), None, "write", PermanentError(reason))
        for reason in reasons
    ]
    write_dead_letters(DatabaseSettings(dsn=stage.database.writer_dsn), None, written, mark_dead)
    listed = [(group["message"], group["letters"]) for group in in_json(stage, "list")]
    assert sorted(listed) == sorted(Counter(reasons.values()).items())
    shown = read_status(DatabaseSettings(dsn=stage.database.operator_dsn)).dead_letters
    assert shown is not None
    assert sorted((cause.message, cause.letters) for cause in shown.latest) == sorted(listed)


def test_resolved_letters_are_listed_only_when_asked_for(stage: Stage) -> None:
    bury(stage, upload(stage))
    stage.deliver(upload(stage, []))
    resolved, still_open = in_json(stage, "list")
    output(stage, "resolve", "--fingerprint", resolved["fingerprint"], "--reason", "a test")
    assert in_json(stage, "list") == [still_open]
    assert [group["open"] for group in in_json(stage, "list", "--all")] == [0, 1]


def test_tables_are_80_columns_wide_and_let_no_letter_write_on_the_terminal(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    event = upload(stage, [HOSTILE, {f"\x1b{HOSTILE}": HOSTILE}])
    nobody = Message(b"\x1b]0;x\x07", {"event_type": HOSTILE * 5, "\x1bname": HOSTILE})
    stage.deliver_messages([*stage.messages(event), nobody])
    # As an older version recorded it, which used the content of the message.
    stage.execute(
        "UPDATE event_dead_letters SET event_type = attributes ->> 'event_type'"
        " WHERE event_id IS NULL"
    )
    (nameless,) = [group for group in in_json(stage, "list") if group["sample_event_id"] is None]
    for arguments in (
        ["list"],
        ["stats"],
        ["show", "--event", str(event)],
        ["show", "--id", str(nameless["sample_id"])],
    ):
        shown = output(stage, *arguments)
        assert {"\x1b", "\x07", "\u202e"}.isdisjoint(shown), arguments
        assert max(map(len, shown.splitlines())) <= 80, arguments
        assert "[red]" in shown, arguments


def test_a_letter_is_shown_by_its_event_with_what_its_row_holds(stage: Stage) -> None:
    event = upload(stage, [CANARY])
    stage.deliver(event)
    shown = output(stage, "show", "--event", str(event))
    assert '"fileName": [' in shown
    assert CANARY in shown
    assert "event type        document_uploaded" in shown
    assert "event state       dead" in shown
    assert "attribute" not in shown
    found = in_json(stage, "show", "--event", str(event))
    assert found["attributes"] is None
    assert found["data"] is None
    assert json.loads(found["payload"]) == {"fileName": [CANARY]}
    assert "the payload in the event's row now, " in shown
    assert "message as received" not in shown
    assert in_json(stage, "show", "--id", str(found["id"])) == found


def test_of_a_row_with_a_large_payload_the_beginning_is_shown_and_its_size(stage: Stage) -> None:
    event = upload(stage, [CANARY] * 100_000)
    stage.deliver(event)
    found = in_json(stage, "show", "--event", str(event))
    size = found["payload_characters"]
    assert size > 100_000 * len(CANARY)
    assert len(found["payload"]) == 100_000
    shown = output(stage, "show", "--event", str(event))
    assert f"the payload in the event's row now, {size:,} characters:" in shown
    assert CANARY in shown
    assert f"... and {size - 20_000:,} characters more" in shown


def test_a_letter_whose_row_is_gone_says_that_nothing_is_left(stage: Stage) -> None:
    event = upload(stage, [CANARY])
    stage.deliver(event)
    stage.execute("DELETE FROM domain_events WHERE id = %s", event)
    shown = output(stage, "show", "--event", str(event))
    assert "the event's row has no payload, and no message was kept" in shown


def test_a_letter_without_a_row_is_shown_with_everything_that_the_message_held(
    stage: Stage,
) -> None:
    stage.visible_within = timedelta(0)
    text = json.dumps({"fileName": CANARY})
    stage.deliver_messages([Message(text.encode(), {"id": str(GONE), "event_type": CANARY})])
    shown = output(stage, "show", "--event", str(GONE))
    assert f'"fileName": "{CANARY}"' in shown
    assert f"attribute         id = {GONE}" in shown
    assert "event state       -" in shown
    found = in_json(stage, "show", "--event", str(GONE))
    assert found["attributes"] == {"id": str(GONE), "event_type": CANARY}
    assert (found["event_type"], found["data"]["text"]) == (None, text)
    assert (found["payload"], found["payload_characters"]) == (None, None)
    assert f"the message as received, {len(text)} bytes:" in shown
    assert "payload of its row" not in shown


def test_data_that_is_no_json_is_shown_by_its_first_bytes(stage: Stage) -> None:
    stage.deliver_messages([Message(b"\xff\x00\x1b[2J" + b"x" * 1000, {})])
    ((letter,),) = stage.rows("SELECT id FROM event_dead_letters")
    shown = output(stage, "show", "--id", str(letter))
    assert r"b'\xff\x00\x1b[2Jxxx" in shown
    assert "and 750 bytes more" in shown
    assert set(in_json(stage, "show", "--id", str(letter))["data"]) == {"base64"}


def test_stats_count_open_letters_by_cause_and_all_letters_by_day(stage: Stage) -> None:
    events = [upload(stage) for _ in range(3)]
    bury(stage, *events)
    stage.execute(
        "UPDATE event_dead_letters SET created_at = '2026-03-02T23:30Z' WHERE event_id = %s",
        events[0],
    )
    stage.deliver(events[1])
    stats = in_json(stage, "stats")
    assert [
        (cause["event_type"], cause["stage"], cause["error_class"], cause["letters"])
        for cause in stats["open"]
    ] == [("document_uploaded", "decode", "InvalidEvent", 2)]
    assert [(day["letters"], day["open"]) for day in stats["days"]] == [(2, 1), (1, 1)]
    assert stats["days"][1]["day"] == "2026-03-02"
    assert "2026-03-02        1           1" in output(stage, "stats")


def test_without_letters_there_is_little_to_say(stage: Stage) -> None:
    assert output(stage, "list") == output(stage, "stats") == "no dead letters\n"
    assert in_json(stage, "list") == []


def test_resolving_keeps_the_letter_and_says_who_and_why(stage: Stage) -> None:
    event = upload(stage)
    bury(stage, event)
    (group,) = in_json(stage, "list")
    done = output(stage, "resolve", "--id", str(group["sample_id"]), "--reason", "sent by hand")
    assert done == "resolved 1 dead letter\n"
    assert letters(stage) == [(event, 1, False, "test_operator: sent by hand")]
    assert stage.ledger() == {event: "dead"}
    again = refusal(stage, "resolve", "--fingerprint", group["fingerprint"], "--reason", "again")
    assert again.startswith("no open dead letter has the fingerprint ")
    assert letters(stage) == [(event, 1, False, "test_operator: sent by hand")]


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["show", "--event", "7"], "event 7 has no dead letter: see dead-letters list --all"),
        (["show", "--id", "7"], "no letter 7: see dead-letters list --all"),
        (
            ["resolve", "--id", "7", "--reason", "x"],
            "no open dead letter has the id 7: see dead-letters list",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(stage: Stage, arguments: list[str], answer: str) -> None:
    assert refusal(stage, *arguments) == answer


def test_an_empty_reason_is_refused_as_the_usage_is(stage: Stage) -> None:
    assert refusal(stage, "resolve", "--id", "7", "--reason", " ", status=2) == (
        "--reason is empty: say why, for the record"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"],
        ["show", "--event", "1", "--id", "1"],
        ["show", "--event", "9" * 19],
        ["show", "--event", "9" * 5_000],
        ["resolve", "--id", "1"],
        ["resolve", "--reason", "x"],
    ],
    ids=" ".join,
)
def test_an_incomplete_command_is_answered_with_its_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["dead-letters", *arguments])
    assert capsys.readouterr().err.startswith("usage: ")


def test_who_may_not_resolve_is_told_as_whom_to_connect(stage: Stage) -> None:
    assert refusal(
        stage, "resolve", "--id", "1", "--reason", "x", dsn=stage.database.cdc_dsn
    ).endswith("connect as a member of fanout_operator")


def test_an_event_that_is_written_after_all_resolves_its_letter(stage: Stage) -> None:
    event, other = upload(stage), upload(stage)
    bury(stage, event, other)
    stage.deliver(event)
    assert letters(stage) == [(event, 1, False, "written"), (other, 1, True, None)]
    assert stage.ledger() == {event: "completed", other: "dead"}
    assert {row.user for row in stage.notifications()} == {U2, U4}


def test_an_event_that_fails_again_has_one_letter_with_another_attempt(stage: Stage) -> None:
    event = upload(stage, [])
    bury(stage, event)
    stage.deliver(event)
    stage.deliver(event)
    assert letters(stage) == [(event, 3, True, None)]


def test_a_letter_resolved_by_hand_keeps_what_was_said_of_it(stage: Stage) -> None:
    event = upload(stage)
    bury(stage, event)
    stage.execute("UPDATE event_dead_letters SET resolved_at = now(), resolution = 'by hand'")
    stage.deliver(event)
    assert letters(stage) == [(event, 1, False, "by hand")]


@pytest.mark.parametrize(
    ("event_type", "age", "state"),
    [
        ("document_uploaded", timedelta(hours=25), "expired"),
        ("moon_rose", timedelta(0), "unrouted"),
    ],
)
def test_an_event_that_comes_to_nothing_leaves_its_letter_open(
    stage: Stage, event_type: str, age: timedelta, state: str
) -> None:
    event = stage.emit("document_uploaded", {}, age=age, actor_id=U1, project_id=P1)
    bury(stage, event)
    stage.execute("UPDATE domain_events SET event_type = %s", event_type)
    stage.deliver(event)
    assert stage.ledger() == {event: state}
    assert letters(stage) == [(event, 1, True, None)]


def test_a_write_looks_for_each_letter_by_its_key_even_when_none_seems_open(stage: Stage) -> None:
    stage.execute(
        "INSERT INTO event_dead_letters"
        " (letter_key, stage, error_class, message, fingerprint, resolved_at)"
        " SELECT 'event:' || number, 'decode', 'InvalidEvent', 'x', 'f00d', now()"
        " FROM generate_series(1000, 11000) AS number"
    )
    stage.execute("ANALYZE event_dead_letters")
    with stage.database.connect() as connection:
        lines = connection.execute(
            b"EXPLAIN " + load("pipeline.sinks", "write_outcomes"),
            {"batch": '{"events": []}', "version": "test", "lock_timeout": "0"},
        ).fetchall()
    plan = "\n".join(line for (line,) in lines)
    assert "event_dead_letters_letter_key_key" in plan
    assert "event_dead_letters_open_idx" not in plan
    assert "Seq Scan on event_dead_letters" not in plan
