"""``forget`` as an operator uses it: what we hold of a person goes, counts and others stay."""

import hashlib
import json
import os
from subprocess import CompletedProcess
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from pipeline.ops.migrate import migrate
from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, U2
from tests.jobs.kept import Kept
from tests.programs import Program

# What the provider calls the mail to each of them.
ACCEPTED: Final = {U1: "re_1", U2: "re_2"}
SHA256: Final = hashlib.sha256(str(U1).encode()).hexdigest()


def command(dsn: str, *arguments: str) -> CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": dsn}
    with Program("pipeline", "forget", *arguments, environment=environment) as program:
        return program.completed(timeout=60)


def forget(database: Database, *arguments: str) -> dict[str, Any]:
    done = command(database.operator_dsn, "--user", str(U1), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def letter(kept: Kept, key: str, data: bytes | None, **columns: Any) -> None:  # noqa: ANN401
    kept.rows(
        "INSERT INTO event_dead_letters (letter_key, event_id, stage, error_class, message,"
        " fingerprint, data, attributes)"
        " VALUES (%s, %s, 'decode', 'InvalidRow', %s, 'f', %s, %s::jsonb)",
        key, columns.get("event"), columns.get("message", "no"), data, columns.get("attributes"),
    )  # fmt: skip


@pytest.fixture
def world(stage: Stage) -> Kept:
    """Everything that we can hold of U1, and the same of U2."""
    kept = Kept(stage.database)
    events = [
        stage.emit("document_uploaded", {"who": str(who)}, actor_id=who, project_id=P1,
                   resource_id=R1)
        for who in (U1, U2)
    ]  # fmt: skip
    for event, who in zip(events, (U1, U2), strict=True):
        for channel in ("in_app", "email"):
            kept.rows(
                "INSERT INTO notification_decisions (event_id, user_id, channel, reason)"
                " VALUES (%s, %s, %s, 'muted')",
                events[0], who, channel,
            )  # fmt: skip
        kept.rows(
            "INSERT INTO notification_processing (event_id, processing_status, notifications,"
            " told) VALUES (%s, 'completed', 7, ARRAY[NULL, %s]::uuid[])",
            event, who,
        )  # fmt: skip
        kept.rows(
            "INSERT INTO fanout.meeting_reminders VALUES (gen_random_uuid(), %s, now(), 30)", who
        )
        kept.rows("INSERT INTO fanout.thread_nudges VALUES (%s, %s, now())", T1, who)
        kept.rows("INSERT INTO fanout.resume_nudges VALUES (%s, %s, 'project', now(), 1)", who, P1)
        kept.rows(
            "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, provider,"
            " provider_id) VALUES (gen_random_uuid(), 'a', 'email', %s, 'c', %s, 'resend', %s)",
            str(who), who, ACCEPTED[who],
        )  # fmt: skip
        kept.rows("SELECT fanout.register_device(%s, 'web', %s)", who, f"token of {who}")
        for kind in ("email.sent", "email.delivered"):
            kept.rows(
                "INSERT INTO fanout.provider_reports (provider, report_id, kind, provider_id, at)"
                " VALUES ('resend', gen_random_uuid(), %s, %s, now())",
                kind, ACCEPTED[who],
            )  # fmt: skip
        name = str(who).upper()
        letter(kept, f"data {who}", f'{{"user": "{name}"}}'.encode())
        letter(kept, f"attributes {who}", None, attributes=json.dumps({"for": name}))
        letter(kept, f"event:{event}", b"a message of the event", event=event)
        letter(kept, f"message {who}", None, message=f"no person {name} here")
    letter(kept, "binary", b"\x00\xff\\", attributes='{"id": "5"}')
    stage.execute(
        "INSERT INTO notifications (user_id, event_id, title) VALUES (%s, %s, 'hello')",
        U1, events[0],
    )  # fmt: skip
    return kept


OURS: Final = {
    "notification_decisions": 2,
    "event_dead_letters": 4,
    "notification_processing": 1,
    "fanout.meeting_reminders": 1,
    "fanout.thread_nudges": 1,
    "fanout.resume_nudges": 1,
    "fanout.provider_reports": 2,
    "fanout.device_tokens": 1,
    "fanout.deliveries": 1,
}


def naming(kept: Kept, user: UUID) -> set[str]:
    """The tables of ours in which a row names a person."""
    letters = kept.rows(
        "SELECT concat_ws(' ', message, encode(data, 'escape'), attributes) FROM event_dead_letters"
    )
    there = kept.everything()
    tables = {
        name.removeprefix("public.")
        for name, rows in there.items()
        if name.removeprefix("public.") in OURS
        and (ACCEPTED[user] if name == "fanout.provider_reports" else str(user))
        in str(rows).lower()
        and name != "public.event_dead_letters"
    }  # fmt: skip
    return tables | (
        {"event_dead_letters"} if any(str(user) in text.lower() for (text,) in letters) else set()
    )


def test_what_we_hold_of_a_person_goes_and_everything_else_stays(world: Kept) -> None:
    assert naming(world, U1) == naming(world, U2) == set(OURS)
    before = world.everything()
    answer = forget(world.database)
    assert answer["rows"] == OURS
    assert naming(world, U1) == set()
    assert naming(world, U2) == set(OURS)
    assert world.rows("SELECT count(*) FROM event_dead_letters") == [(9,)]
    assert world.rows("SELECT data FROM event_dead_letters WHERE letter_key = 'binary'") == [
        (b"\x00\xff\\",)
    ]
    assert world.rows("SELECT sum(notifications) FROM notification_processing") == [(14,)]
    after = world.everything()
    changed = {name.removeprefix("public.") for name in before if before[name] != after[name]}
    assert changed == {*OURS, "fanout.erasures"}


def test_a_letter_about_an_event_of_the_person_loses_its_message_and_keeps_its_cause(
    world: Kept,
) -> None:
    forget(world.database)
    rows = world.rows(
        "SELECT data, error_class, message FROM event_dead_letters"
        " WHERE event_id IS NOT NULL ORDER BY event_id"
    )
    assert rows == [(None, "InvalidRow", "no"), (b"a message of the event", "InvalidRow", "no")]
    assert world.rows(
        "SELECT message FROM event_dead_letters WHERE letter_key LIKE 'message %' ORDER BY id"
    ) == [("no person (erased) here",), (f"no person {str(U2).upper()} here",)]


def test_it_says_what_the_application_has_to_delete(world: Kept) -> None:
    answer = forget(world.database)
    assert answer["left"] == {
        "notifications": 1,
        "pending_emails": 0,
        "user_notification_preferences": 0,
        "profiles": 1,
        "activity.notifications": 0,
    }
    done = command(world.database.operator_dsn, "--user", str(U1))
    lines = done.stdout.splitlines()
    assert lines[0] == "erased:"
    assert "for the application to delete:" in lines
    assert "  notifications: 1 row" in lines
    assert lines[-1] == ("the person still has a profile, so new events will be decided about them")


def test_who_erased_and_when_is_recorded_but_not_whom(world: Kept) -> None:
    answer = forget(world.database)
    ((erasure, person, who, ended, rows, row),) = world.rows(
        "SELECT id, person_sha256, who, finished_at >= started_at, rows_changed, each::text"
        " FROM fanout.erasures AS each"
    )
    assert (str(erasure), person, who, ended) == (answer["erasure"], SHA256, "test_operator", True)
    assert rows == OURS
    assert str(U1) not in row


def test_it_is_harmless_to_run_it_again(world: Kept) -> None:
    forget(world.database)
    before = world.everything()
    answer = forget(world.database)
    assert set(answer["rows"].values()) == {0}
    after = world.everything()
    assert {name for name in before if before[name] != after[name]} == {"fanout.erasures"}


def test_a_dry_run_counts_and_changes_nothing(world: Kept) -> None:
    before = world.everything()
    answer = forget(world.database, "--dry-run")
    assert world.everything() == before
    assert (answer["erasure"], answer["rows"]) == (None, OURS)
    done = command(world.database.operator_dsn, "--user", str(U1), "--dry-run")
    assert "nothing was changed: run it without --dry-run" in done.stdout


def test_pages_of_an_event_under_way_keep_their_place(world: Kept) -> None:
    world.rows("UPDATE notification_processing SET processing_status = 'processing'")
    assert forget(world.database)["rows"]["notification_processing"] == 0
    assert "notification_processing" in naming(world, U1)


def test_a_person_of_many_rows_is_forgotten_page_by_page(stage: Stage) -> None:
    kept = Kept(stage.database)
    kept.insert_many(12_000)
    kept.rows(
        "INSERT INTO notification_decisions (event_id, user_id, channel, reason)"
        " SELECT id, %s, 'email', 'muted' FROM domain_events",
        U1,
    )
    kept.rows(
        "INSERT INTO fanout.meeting_reminders"
        " SELECT gen_random_uuid(), %s, now(), 30 FROM generate_series(1, 12000)",
        U1,
    )
    rows = forget(stage.database)["rows"]
    assert (rows["notification_decisions"], rows["fanout.meeting_reminders"]) == (12_000, 12_000)
    assert naming(kept, U1) == set()


def test_a_database_without_scheduled_jobs_has_less_to_forget(empty_database: Database) -> None:
    migrate(empty_database.dsn, reference_schema=True)
    done = command(empty_database.dsn, "--user", str(U1), "--json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["rows"]) == {
        "notification_decisions", "event_dead_letters", "notification_processing",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["writer_dsn", "jobs_dsn", "cdc_dsn"])
def test_only_an_operator_may(world: Kept, role: str) -> None:
    done = command(getattr(world.database, role), "--user", str(U1))
    assert done.returncode == 1
    assert naming(world, U1) == set(OURS)
    assert world.rows("SELECT FROM fanout.erasures") == []


def test_an_operator_may_empty_told_and_write_nothing_else_in_the_ledger(world: Kept) -> None:
    with psycopg.connect(world.database.operator_dsn, autocommit=True) as connection:
        for statement in (
            "UPDATE notification_processing SET told = NULL",
            "UPDATE notification_processing SET processing_status = 'failed'",
            "DELETE FROM notification_processing",
            "DELETE FROM fanout.erasures",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_what_is_no_uuid_is_refused(database: Database) -> None:
    done = command(database.operator_dsn, "--user", "ida")
    assert done.returncode == 2
    assert "invalid" in done.stderr
