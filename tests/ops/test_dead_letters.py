"""What an operator sees of dead letters, and how they are closed: by a success or by hand."""

import argparse
import json
import os
import subprocess
from datetime import timedelta
from typing import Any, Final

import pytest

from pipeline.commands.dead_letters import add
from pipeline.domain.message import Message
from pipeline.postgres.sql import load
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, U2, U4
from tests.programs import Program

CANARY: Final = "kanarienvogel"
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


def refusal(stage: Stage, *arguments: str, dsn: str | None = None) -> str:
    """The one line that a refused command answers with."""
    done = run(stage, *arguments, dsn=dsn)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("pipeline dead-letters: ").rstrip()


def upload(stage: Stage, file_name: object = "plan.pdf") -> int:
    return stage.emit(
        "document_uploaded", {"fileName": file_name}, actor_id=U1, project_id=P1, resource_id=R1
    )


def poison(event: int, data: bytes = b"not JSON") -> Message:
    return Message(data, {"id": str(event), "event_type": "document_uploaded"})


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
    assert nameless["event_types"] == ["moon_rose"]
    assert invalid["message"] == "payload: fileName: Input should be a valid string"
    assert (invalid["stage"], invalid["letters"], invalid["open"]) == ("decode", 3, 3)
    assert invalid["sample_event_id"] in broken
    assert invalid["first_seen"] <= invalid["last_seen"] <= nameless["last_seen"]


def test_numbers_in_a_reason_do_not_part_one_cause(stage: Stage) -> None:
    stage.deliver_messages(poison(upload(stage), b"x" * size * 1024) for size in (300, 400))
    (group,) = in_json(stage, "list")
    assert group["message"] == "the message has # KB, an event may have # KB"
    assert group["letters"] == 2


def test_resolved_letters_are_listed_only_when_asked_for(stage: Stage) -> None:
    stage.deliver_messages([poison(upload(stage)), poison(upload(stage), b"[]")])
    resolved, still_open = in_json(stage, "list")
    output(stage, "resolve", "--fingerprint", resolved["fingerprint"], "--reason", "a test")
    assert in_json(stage, "list") == [still_open]
    assert [group["open"] for group in in_json(stage, "list", "--all")] == [0, 1]


def test_tables_are_80_columns_wide_and_let_no_letter_write_on_the_terminal(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    event = upload(stage)
    stage.deliver_messages(
        [
            Message(b"\x1b]0;x\x07", {"event_type": HOSTILE * 5, "\x1bname": HOSTILE}),
            poison(event, json.dumps({"created_at": HOSTILE}, ensure_ascii=False).encode()),
        ]
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
        assert "[red]" in shown or arguments == ["show", "--event", str(event)]


def test_a_letter_is_shown_by_its_event_with_everything_that_the_message_held(stage: Stage) -> None:
    event = upload(stage, [CANARY])
    stage.deliver(event)
    shown = output(stage, "show", "--event", str(event))
    assert '"type": "document_uploaded",' in shown
    assert CANARY in shown
    assert f"attribute         id = {event}" in shown
    assert "event state       dead" in shown
    found = in_json(stage, "show", "--event", str(event))
    held = json.loads(found["data"]["text"])
    assert found["attributes"] == {
        "id": str(event),
        "event_type": "document_uploaded",
        "dedup_id": str(event),
        "created_at": held["created_at"],
    }
    assert held["project_id"] == str(P1)
    assert in_json(stage, "show", "--id", str(found["id"])) == found


def test_data_that_is_no_json_is_shown_by_its_first_bytes(stage: Stage) -> None:
    event = upload(stage)
    stage.deliver_messages([poison(event, b"\xff\x00\x1b[2J" + b"x" * 1000)])
    shown = output(stage, "show", "--event", str(event))
    assert r"b'\xff\x00\x1b[2Jxxx" in shown
    assert "and 750 bytes more" in shown
    assert set(in_json(stage, "show", "--event", str(event))["data"]) == {"base64"}


def test_stats_count_open_letters_by_cause_and_all_letters_by_day(stage: Stage) -> None:
    events = [upload(stage) for _ in range(3)]
    stage.deliver_messages(map(poison, events))
    stage.execute(
        "UPDATE event_dead_letters SET created_at = '2026-03-02T23:30Z' WHERE event_id = %s",
        events[0],
    )
    stage.deliver(events[1])
    stats = in_json(stage, "stats")
    assert [
        (cause["event_type"], cause["stage"], cause["error_class"], cause["letters"])
        for cause in stats["open"]
    ] == [("document_uploaded", "decode", "NotJson", 2)]
    assert [(day["letters"], day["open"]) for day in stats["days"]] == [(2, 1), (1, 1)]
    assert stats["days"][1]["day"] == "2026-03-02"
    assert "2026-03-02        1           1" in output(stage, "stats")


def test_without_letters_there_is_little_to_say(stage: Stage) -> None:
    assert output(stage, "list") == output(stage, "stats") == "no dead letters\n"
    assert in_json(stage, "list") == []


def test_resolving_keeps_the_letter_and_says_who_and_why(stage: Stage) -> None:
    event = upload(stage)
    stage.deliver_messages([poison(event)])
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
        (
            ["resolve", "--id", "7", "--reason", " "],
            "--reason is empty: say why, for whoever asks later",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(stage: Stage, arguments: list[str], answer: str) -> None:
    assert refusal(stage, *arguments) == answer


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
    stage.deliver_messages([poison(event), poison(other)])
    stage.deliver(event)
    assert letters(stage) == [(event, 1, False, "written"), (other, 1, True, None)]
    assert stage.ledger() == {event: "completed", other: "dead"}
    assert {row.user for row in stage.notifications()} == {U2, U4}


def test_an_event_that_fails_again_has_one_letter_with_another_attempt(stage: Stage) -> None:
    event = upload(stage, [])
    stage.deliver_messages([poison(event)])
    stage.deliver(event)
    stage.deliver(event)
    assert letters(stage) == [(event, 3, True, None)]


def test_a_letter_resolved_by_hand_keeps_what_was_said_of_it(stage: Stage) -> None:
    event = upload(stage)
    stage.deliver_messages([poison(event)])
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
    event = stage.emit(event_type, {}, age=age, actor_id=U1, project_id=P1)
    stage.deliver_messages([poison(event)])
    stage.deliver(event)
    assert stage.ledger() == {event: state}
    assert letters(stage) == [(event, 1, True, None)]


def test_a_write_looks_for_each_letter_by_its_key_even_when_none_seems_open(stage: Stage) -> None:
    stage.execute(
        "INSERT INTO event_dead_letters"
        " (letter_key, stage, error_class, message, fingerprint, resolved_at)"
        " SELECT 'event:' || number, 'decode', 'NotJson', 'x', 'f00d', now()"
        " FROM generate_series(1000, 11000) AS number"
    )
    stage.execute("ANALYZE event_dead_letters")
    with stage.database.connect() as connection:
        lines = connection.execute(
            b"EXPLAIN " + load("pipeline.sinks", "write_outcomes"),
            {"batch": '{"events": []}', "version": "test"},
        ).fetchall()
    plan = "\n".join(line for (line,) in lines)
    assert "event_dead_letters_letter_key_key" in plan
    assert "event_dead_letters_open_idx" not in plan
    assert "Seq Scan on event_dead_letters" not in plan
