"""Doctor: the report and its exit status; a check that fails does not stop the others."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console

from pipeline.ops.doctor.check import Check, Finding, Severity, ok, warning
from pipeline.ops.doctor.checks import CHECKS
from pipeline.ops.doctor.document import document
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.screens.doctor import render
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.ops.examination import BY_NAME, beat, slot

ROOT: Final = Path(__file__).parents[2]
WRONG: Final = "kanarienvogel"
ALWAYS_MADE: Final = [check.name for check in CHECKS if check.needs is None]


@pytest.fixture
def healthy(database: Database) -> Iterator[Database]:
    """A database whose events are being captured."""
    beat(database, "5 seconds")
    with slot(database):
        yield database


def doctor(dsn: str, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "PUBSUB_EMULATOR_HOST"}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", *flags],
        cwd=ROOT,
        env=inherited | environment | {"DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_healthy_installation_passes_every_check(healthy: Database) -> None:
    with Installation(database=DatabaseSettings(dsn=healthy.operator_dsn)) as installation:
        report = list(examine(installation))
    made = {each.check.name: each.finding for each in report if each.finding}
    assert list(made) == ALWAYS_MADE
    assert {
        name: finding for name, finding in made.items() if finding.severity != Severity.OK
    } == {}


def test_the_exit_status_is_1_when_something_failed(healthy: Database) -> None:
    well = doctor(healthy.writer_dsn)
    assert (well.returncode, well.stderr) == (0, "")
    assert "✗" not in well.stdout
    with healthy.connect() as connection:
        connection.execute("DROP PUBLICATION fanout_events")
    ill = doctor(healthy.writer_dsn)
    assert ill.returncode == 1
    assert "✗  publication" in ill.stdout
    assert "→ CREATE PUBLICATION fanout_events FOR TABLE" in ill.stdout


def test_json_has_every_check_with_its_verdict_and_fix(healthy: Database) -> None:
    done = doctor(healthy.dsn, "--json", "--cdc-host", "203.0.113.7", "--cdc-port", "6543")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (1, False)
    assert [check["name"] for check in report["checks"]] == list(BY_NAME)
    assert {tuple(check) for check in report["checks"]} == {
        ("name", "looks_at", "verdict", "seen", "fix")
    }
    verdicts = {check["name"]: check["verdict"] for check in report["checks"]}
    assert verdicts["wal level"] == "ok"
    assert verdicts["connecting role"] == "warning"
    assert verdicts["Debezium login"] == "failed"
    assert verdicts["subscription"] is None


def test_the_report_fits_80_columns(empty_database: Database) -> None:
    with Installation(database=DatabaseSettings(dsn=empty_database.dsn)) as installation:
        report = list(examine(installation))
    assert not document(report)["ok"]
    shown = StringIO()
    Console(file=shown, width=80).print(render(report))
    assert max(map(len, shown.getvalue().splitlines())) <= 80
    assert "not run: Debezium login (--cdc-host)" in shown.getvalue()


def test_without_a_database_one_check_fails_and_the_others_say_why(database: Database) -> None:
    settings = DatabaseSettings(dsn=f"{database.dsn}_is_gone")
    with Installation(database=settings) as installation:
        report = [each.finding for each in examine(installation) if each.finding]
    assert report[0].severity == Severity.FAILED
    assert "does not exist" in report[0].seen
    assert "\n" not in report[0].seen
    assert {(finding.severity, finding.seen) for finding in report[1:]} == {
        (Severity.WARNING, "not checked: no connection to Postgres")
    }


def test_what_a_role_may_not_see_is_said_and_costs_no_other_check(healthy: Database) -> None:
    with healthy.connect() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC")
    with Installation(database=DatabaseSettings(dsn=healthy.operator_dsn)) as installation:
        report = {e.check.name: e.finding for e in examine(installation) if e.finding}
    hidden = {name for name, finding in report.items() if "not visible" in finding.seen}
    assert hidden == {"slot", "slot failover", "log kept", "heartbeat"}
    assert {report[name].severity for name in hidden} == {Severity.WARNING}
    assert {report[name].severity for name in report.keys() - hidden} == {Severity.OK}


def test_a_check_that_breaks_is_a_warning_without_the_error_s_values(database: Database) -> None:
    def broken(installation: Installation) -> Finding:
        raise ValueError(installation.database.dsn)

    checks = [Check("broken", "nothing", broken), Check("next", "nothing", lambda _: ok("well"))]
    with Installation(database=DatabaseSettings(dsn=database.dsn)) as installation:
        findings = [examined.finding for examined in examine(installation, checks)]
    assert findings == [warning("could not be checked: ValueError"), ok("well")]


def test_the_emulator_comes_from_the_environment_by_the_command_line(healthy: Database) -> None:
    done = doctor(healthy.writer_dsn, PUBSUB_EMULATOR_HOST="127.0.0.1:9")
    assert "the emulator at 127.0.0.1:9" in done.stdout
    assert "Google's service" in doctor(healthy.writer_dsn).stdout


def test_debezium_s_password_comes_from_the_environment_as_for_debezium(healthy: Database) -> None:
    parts = conninfo_to_dict(healthy.cdc_dsn)
    flags = [
        "--cdc-host", str(parts["host"]), "--cdc-port", str(parts["port"]),
        "--cdc-user", "test_cdc", "--cdc-sslmode", "disable",
    ]  # fmt: skip
    well = doctor(healthy.writer_dsn, *flags, DATABASE_PASSWORD=str(parts["password"]))
    assert "✓  Debezium login" in well.stdout
    assert well.returncode == 0
    ill = doctor(healthy.writer_dsn, *flags, DATABASE_PASSWORD=WRONG)
    assert "✗  Debezium login" in ill.stdout
    assert "→ correct DATABASE_USER and DATABASE_PASSWORD" in ill.stdout
    assert ill.returncode == 1
    assert WRONG not in ill.stdout + ill.stderr


def test_without_a_user_debezium_s_way_is_that_of_the_login_in_the_operations_guide(
    healthy: Database,
) -> None:
    create = "CREATE ROLE capture LOGIN REPLICATION PASSWORD"
    assert create in (ROOT / "docs/operations.md").read_text("utf-8")
    parts = conninfo_to_dict(healthy.cdc_dsn)
    flags = ["--cdc-host", str(parts["host"]), "--cdc-port", str(parts["port"])]
    with healthy.connect() as connection:
        connection.execute(f"{create} 'pass' IN ROLE fanout_cdc".encode())
        try:
            done = doctor(
                healthy.writer_dsn,
                *flags,
                "--cdc-sslmode",
                "disable",
                DATABASE_PASSWORD="pass",  # noqa: S106 - dropped below
            )
        finally:
            connection.execute("DROP ROLE capture")
    assert "replication as capture" in " ".join(done.stdout.split())
    assert done.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cdc-port", "0"],
        ["--cdc-port", "99999"],
        ["--cdc-port", "x"],
        ["--cdc-sslmode", "verify"],
        ["--cdc-host", ""],
    ],
    ids=" ".join,
)
def test_an_argument_that_is_none_is_answered_with_the_usage(
    healthy: Database, arguments: list[str]
) -> None:
    done = doctor(healthy.dsn, "--cdc-host", "localhost", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: argument {arguments[0]}: " in done.stderr


def test_the_help_says_what_the_exit_status_means() -> None:
    shown = doctor("postgresql://nobody@127.0.0.1:1/none", "--help").stdout
    _, _, told = shown.partition("exit status:\n")
    assert [line.split()[0] for line in told.splitlines()] == ["0", "1", "2"]


def test_every_check_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(CHECKS)


def test_what_keeps_many_checks_from_being_made_is_one_line() -> None:
    unreachable = DatabaseSettings(dsn="postgresql://nobody@127.0.0.1:1/none")
    with Installation(database=unreachable) as installation:
        report = list(examine(installation))
    shown = StringIO()
    Console(file=shown, width=80).print(render(report))
    unseen = [line for line in shown.getvalue().splitlines() if "not checked" in line]
    [line] = unseen
    alike = sum(
        examined.finding is not None and examined.finding.seen.startswith("not checked")
        for examined in report
    )
    assert alike > 10
    assert line.split() == f"! {alike} checks not checked: no connection to Postgres".split()
    assert len(document(report)["checks"]) == len(report)
