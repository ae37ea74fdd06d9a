"""``pause`` and ``resume`` for an operator, and what status, doctor and why then show."""

import json
import os
from subprocess import CompletedProcess
from typing import Final

import pytest

from pipeline.ops.doctor.check import Severity
from tests.databases import Database
from tests.ops.examination import found
from tests.programs import Program

UPLOADED: Final = "document_uploaded"


def command(dsn: str, *arguments: str) -> CompletedProcess[str]:
    with Program("pipeline", *arguments, environment=os.environ | {"DATABASE_URL": dsn}) as program:
        return program.completed(timeout=60)


def wait_behind(database: Database, event_type: str = UPLOADED) -> int:
    """Insert an event that waits because its type is or was paused; return its id."""
    with database.connect() as connection:
        [(event,)] = connection.execute(
            "INSERT INTO domain_events (event_type) VALUES (%s) RETURNING id", [event_type]
        ).fetchall()
        connection.execute(
            "INSERT INTO notification_processing (event_id, event_type, processing_status,"
            " reason, paused_at) VALUES (%s, %s, 'paused', 'its event type is paused',"
            " '2026-03-02 12:00:00Z')",
            [event, event_type],
        )
    return int(event)


def switches(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute("SELECT name, state, reason, who FROM fanout.switches").fetchall()


def age(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(f"UPDATE fanout.switches SET {statement}".encode())  # noqa: S608


def test_an_operator_pauses_a_type_and_resumes_it(database: Database) -> None:
    paused = command(database.operator_dsn, "pause", UPLOADED, "--reason", "wrong links")
    assert paused.returncode == 0, paused.stderr
    first, second = paused.stdout.splitlines()
    assert first.startswith(f"{UPLOADED} is paused, since ")
    assert first.endswith(" by test_operator: wrong links")
    assert second == ("0 events wait; to resume: python -m pipeline resume document_uploaded")
    assert switches(database) == [(UPLOADED, "paused", "wrong links", "test_operator")]

    again = command(database.operator_dsn, "pause", UPLOADED)
    assert f"{UPLOADED} is paused already, since " in again.stdout
    assert switches(database) == [(UPLOADED, "paused", "wrong links", "test_operator")]

    wait_behind(database)
    resumed = command(database.operator_dsn, "resume", UPLOADED)
    assert resumed.stdout == (
        f"{UPLOADED} is resumed; 1 event waits, to process it: python -m pipeline catch-up\n"
    )
    assert switches(database) == []
    assert command(database.operator_dsn, "resume", UPLOADED).stdout.startswith(
        f"{UPLOADED} was not paused; 1 event waits"
    )


def test_json_is_for_programs(database: Database) -> None:
    paused = json.loads(command(database.operator_dsn, "pause", UPLOADED, "--json").stdout)
    assert paused.pop("since").endswith("Z")
    assert paused == {
        "name": UPLOADED, "before": False, "reason": None, "who": "test_operator", "waiting": 0,
    }  # fmt: skip
    resumed = json.loads(command(database.operator_dsn, "resume", UPLOADED, "--json").stdout)
    assert resumed == {"name": UPLOADED, "was": "paused", "waiting": 0}


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("document_uploadd", f"did you mean {UPLOADED}"),
        ("zzz.z", "docs/events.md and docs/reaction-events.md list the types"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_close_ones(
    database: Database, verb: str, name: str, hint: str
) -> None:
    done = command(database.operator_dsn, verb, name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"pipeline {verb}: no event type and no job '{name}': {hint}")
    assert done.stderr.count("\n") == 1
    assert switches(database) == []


def test_a_type_that_lost_its_handler_while_it_was_paused_can_be_resumed(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.switches (name, state) VALUES ('moon_rose', 'paused')"
        )
    assert command(database.operator_dsn, "resume", "moon_rose").returncode == 0
    assert switches(database) == []


def test_resume_closes_a_breaker(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.switches (name, state, until)"
            " VALUES ('document_uploaded', 'open', now() + interval '5 minutes')"
        )
    done = command(database.operator_dsn, "resume", UPLOADED)
    assert (
        done.stdout
        == f"{UPLOADED} is resumed, its breaker is closed; no event of this type waits\n"
    )


def test_a_login_that_may_not_pause_is_told_so_in_a_line(database: Database) -> None:
    done = command(database.cdc_dsn, "pause", UPLOADED)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_why_says_that_an_event_waits_since_when_and_what_takes_it_on(database: Database) -> None:
    event = wait_behind(database)
    command(database.operator_dsn, "pause", UPLOADED)
    held = command(database.operator_dsn, "why", "--event", str(event)).stdout
    words = " ".join(held.split())
    assert "state waits since 2026-03-02 12:00:00 UTC: its event type is paused" in words
    assert f"python -m pipeline resume {UPLOADED}, then: python -m pipeline catch-up" in words
    command(database.operator_dsn, "resume", UPLOADED)
    goes_on = json.loads(
        command(database.operator_dsn, "why", "--event", str(event), "--json").stdout
    )
    assert goes_on["state"]["status"] == "paused"
    assert goes_on["state"]["paused_at"] == "2026-03-02T12:00:00Z"
    assert goes_on["state"]["words"].endswith("its event type was paused")
    assert goes_on["next"].endswith("python -m pipeline catch-up")


def test_doctor_warns_of_what_has_been_paused_for_over_a_day(database: Database) -> None:
    assert found(database, "switches").seen == "no event type or job is paused"
    command(database.operator_dsn, "pause", UPLOADED)
    wait_behind(database)
    age(database, "since = now() - interval '23 hours'")
    assert found(database, "switches").severity == Severity.OK
    age(database, "since = now() - interval '25 hours'")
    finding = found(database, "switches")
    assert finding.severity == Severity.WARNING
    assert finding.seen == f"{UPLOADED} is paused for 1.0 d by test_operator, 1 event waits"
    assert finding.fix == f"if it may go on: python -m pipeline resume {UPLOADED}"


def test_doctor_warns_of_an_open_breaker_and_of_events_that_nobody_takes_on(
    database: Database,
) -> None:
    wait_behind(database)
    finding = found(database, "switches")
    assert finding.severity == Severity.WARNING
    assert (finding.seen, finding.fix) == (
        "1 event waits although its type was resumed",
        "python -m pipeline catch-up",
    )
    command(database.operator_dsn, "pause", UPLOADED)
    age(database, "state = 'open', until = now() + interval '5 minutes'")
    finding = found(database, "switches")
    assert finding.seen.startswith(f"the breaker of {UPLOADED} is open for ")
    assert finding.fix == f"fix the cause, then: python -m pipeline resume {UPLOADED}"


def test_doctor_and_status_count_no_events_behind_a_switch_of_mails(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.switches (name, state, who, until) VALUES"
            " ('mail:resend', 'open', 'test', now() + interval '5 minutes')"
        )
    # None of these waits there.
    wait_behind(database)
    assert " event" not in found(database, "switches").seen.partition(";")[0]
    shown = " ".join(command(database.operator_dsn, "status").stdout.split())
    assert "mail:resend, its breaker is open for" in shown
    assert "; one is tried in" in shown.partition("mail:resend")[2]
    assert "0 events" not in shown.partition("mail:resend")[2]


@pytest.mark.parametrize(
    ("name", "waiting"),
    [("mail:resend", "2 mails wait"), ("mail:invite_accepted", "1 mail waits")],
)
def test_an_operator_pauses_a_provider_or_a_type_of_mail(
    database: Database, name: str, waiting: str
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind)"
            " SELECT gen_random_uuid(), 'x:1', 'email', 'ann', kind"
            " FROM unnest(ARRAY['invite_accepted', 'magic_link']) AS kind"
        )
    paused = command(database.operator_dsn, "pause", name)
    assert paused.returncode == 0, paused.stderr
    assert f"{waiting}; to resume: python -m pipeline resume {name}" in paused.stdout
    assert [row[:2] for row in switches(database)] == [(name, "paused")]
    resumed = command(database.operator_dsn, "resume", name)
    assert f"{name} is resumed; {waiting}, the sender goes on" in resumed.stdout
    assert switches(database) == []
