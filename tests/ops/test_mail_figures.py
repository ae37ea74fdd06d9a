"""How mails stand, in status and doctor: each limit, with what is just below it."""

from collections.abc import Callable
from io import StringIO
from typing import Any, Final
from uuid import uuid4

import pytest
from psycopg import sql
from rich.console import Console

from pipeline.ops.doctor.check import Severity
from pipeline.ops.families import Family
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.metrics.read import read_figures
from pipeline.ops.migrate import migrate
from pipeline.ops.status.read import read_status
from pipeline.screens.status import render
from pipeline.settings import CaptureNames, DatabaseSettings
from tests.databases import Database
from tests.ops.examination import found

Plant = Callable[[Database], None]
QUIET: Final = MailFigures(
    waiting=0,
    oldest_seconds=None,
    stuck=0,
    held=0,
    sent_last_hour=0,
    seconds_to_send=None,
    failed_last_hour=0,
    expired_last_hour=0,
)


def plant(database: Database, mails: int = 1, **columns: str) -> None:
    """Insert deliveries by mail; the values are SQL."""
    given = {
        "id": "gen_random_uuid()",
        "cause": f"'test:{uuid4()}'",
        "channel": "'email'",
        "recipient": "'address:0'",
        "kind": "'magic_link'",
        **columns,
    }
    statement = sql.SQL("INSERT INTO fanout.deliveries ({}) SELECT {} FROM generate_series(1, {})")
    with database.connect() as connection:
        connection.execute(
            statement.format(
                sql.SQL(", ").join(map(sql.Identifier, given)),
                sql.SQL(", ").join(sql.SQL(value) for value in given.values()),
                mails,
            )
        )


def ended(
    database: Database,
    state: str,
    mails: int = 1,
    *,
    ago: str,
    took: str = "1 s",
    **columns: str,
) -> None:
    begin = f"now() - interval '{ago}' - interval '{took}'"
    plant(
        database,
        mails,
        state=f"'{state}'",
        created_at=begin,
        deliver_at=begin,
        finished_at=f"now() - interval '{ago}'",
        **columns,
    )


def waiting(database: Database, mails: int = 1, *, since: str, **columns: str) -> None:
    due = f"now() - interval '{since}'"
    plant(database, mails, **{"deliver_at": due, "next_attempt_at": due, **columns})


def figures(database: Database) -> MailFigures:
    mails = read_status(DatabaseSettings(dsn=database.viewer_dsn)).mails
    assert mails is not None
    return mails


def screen(database: Database) -> str:
    shown = StringIO()
    console = Console(file=shown, width=100)
    console.print(render(read_status(DatabaseSettings(dsn=database.viewer_dsn))))
    return shown.getvalue()


def test_without_mails_all_is_quiet(database: Database) -> None:
    assert figures(database) == QUIET
    assert found(database, "mails").severity is Severity.OK


def test_a_monitoring_system_gets_the_same(database: Database) -> None:
    waiting(database, 3, since="11 minutes")
    settings = DatabaseSettings(dsn=database.operator_dsn)
    collected = read_figures(settings, CaptureNames()).mails
    assert collected is not None
    assert (collected.waiting, collected.stuck) == (3, 3)


def test_without_the_family_there_is_no_line(empty_database: Database) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    assert read_status(DatabaseSettings(dsn=empty_database.viewer_dsn)).mails is None
    assert found(empty_database, "mails").seen == "the family mail is not installed"
    shown = screen(empty_database)
    assert "graphs" in shown
    assert "mails" not in shown


def test_with_mail_alone_it_is_shown(empty_database: Database) -> None:
    migrate(empty_database.dsn, family=Family.MAIL)
    waiting(empty_database, since="5 seconds")
    assert figures(empty_database).waiting == 1
    assert "mails  1 mail due" in screen(empty_database)


def test_what_is_counted(database: Database) -> None:
    waiting(database, since="30 seconds")
    waiting(database, since="40 minutes", state="'paused'")
    # It waits for its next try: overdue, but nobody could take it.
    waiting(
        database, since="20 minutes", state="'waiting'", next_attempt_at="now() + interval '1 h'"
    )
    waiting(database, since="15 minutes", state="'held'")
    waiting(database, since="-1 hour")
    waiting(database, since="15 minutes", channel="'fcm'")
    ended(database, "done", ago="10 minutes", took="2 s")
    ended(database, "done", ago="50 minutes", took="4 s")
    ended(database, "done", ago="70 minutes", took="900 s")
    ended(database, "dead", ago="59 minutes", took="3 days")
    ended(database, "dead", ago="61 minutes")
    ended(database, "expired", ago="1 minute")

    seen = figures(database)

    assert (seen.waiting, seen.held, seen.stuck) == (3, 1, 0)
    assert seen.oldest_seconds == pytest.approx(2_400, abs=60)
    assert (seen.sent_last_hour, seen.failed_last_hour, seen.expired_last_hour) == (2, 1, 1)
    assert seen.seconds_to_send == pytest.approx(3)
    shown = screen(database)
    assert "3 mails due, the oldest for 40" in shown
    assert "in the last hour 2 sent in 3.0 s on average, 1 failed, 1 expired" in shown
    assert "1 mail waits for a person to decide" in shown


@pytest.mark.parametrize(
    ("calm", "ringing", "severity", "says"),
    [
        (
            lambda database: waiting(database, since="9 minutes"),
            lambda database: waiting(database, since="11 minutes"),
            Severity.FAILED,
            "1 mail could be sent for 10 min, nobody takes them",
        ),
        (
            lambda database: ended(database, "dead", 10, ago="1 minute"),
            lambda database: ended(database, "dead", ago="1 minute"),
            Severity.FAILED,
            "11 mails failed for good in an hour",
        ),
        (
            lambda database: waiting(database, 100, since="1 minute"),
            lambda database: waiting(database, since="1 minute"),
            Severity.WARNING,
            "101 mails wait",
        ),
        (
            lambda database: ended(database, "done", ago="1 minute", took="119 s"),
            lambda database: ended(database, "done", ago="1 minute", took="125 s"),
            Severity.WARNING,
            "sending takes 2 min on average",
        ),
    ],
    ids=["stuck", "failed", "waiting", "slow"],
)
def test_above_a_limit_doctor_and_status_say_so(
    database: Database, calm: Plant, ringing: Plant, severity: Severity, says: str
) -> None:
    calm(database)
    assert found(database, "mails").severity is Severity.OK

    ringing(database)

    finding = found(database, "mails")
    assert (finding.severity, finding.seen) == (severity, says)
    assert finding.fix is not None
    assert says in screen(database)


def test_a_lost_lease_is_stuck_and_a_living_one_is_not(database: Database) -> None:
    lease: dict[str, Any] = {
        "state": "'leased'",
        "lease_token": "gen_random_uuid()",
        "attempts": "1",
    }
    waiting(database, since="20 minutes", next_attempt_at="now() + interval '1 minute'", **lease)
    assert figures(database).stuck == 0
    waiting(database, since="20 minutes", **lease)
    assert figures(database).stuck == 1
