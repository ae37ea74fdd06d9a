"""Status and doctor on the mark of the ledger, and on revoked grants: what holds up retention."""

from datetime import timedelta

from pipeline.jobs.retention import LEDGER
from pipeline.ops.doctor.check import Severity
from pipeline.ops.status.read import read_status
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.jobs.kept import Kept
from tests.ops.examination import found
from tests.ops.test_status import screen

KEPT = timedelta(days=LEDGER.days)
DAY = timedelta(days=1)


def test_an_unfinished_event_that_holds_up_the_mark_is_named(database: Database) -> None:
    kept, settings = Kept(database), DatabaseSettings(dsn=database.operator_dsn)
    kept.insert(1, 2, age=KEPT + 20 * DAY)
    kept.insert(3, state=None, age=KEPT + 12 * DAY)
    kept.insert(4, age=KEPT + 11 * DAY)
    kept.run()
    status = read_status(settings)
    assert status.retention is not None
    assert (status.retention.last_event_id, status.retention.held_by) == (2, 3)
    assert "the ledger is kept from event 3 on, 12.0 d longer" in screen(status)
    finding = found(database, "retention")
    assert finding.severity is Severity.WARNING
    assert finding.seen.startswith("the ledger is kept from event 3 on, 12.0 d longer")
    assert "why --event 3" in (finding.fix or "")
    kept.state(3, state="expired", ended=2 * DAY)
    kept.run()
    status = read_status(settings)
    assert status.retention is not None
    assert (status.retention.last_event_id, status.retention.held_by) == (4, None)
    assert "retention" not in screen(status)
    assert found(database, "retention").severity is Severity.OK


def test_an_event_that_is_young_or_merely_not_reached_yet_holds_up_nothing(
    database: Database,
) -> None:
    kept = Kept(database)
    kept.insert(1, state=None, age=KEPT - DAY)
    assert found(database, "retention").severity is Severity.OK
    kept.insert(0, age=KEPT + DAY)
    assert found(database, "retention").severity is Severity.OK


def test_a_time_without_end_is_no_error(database: Database) -> None:
    kept = Kept(database)
    kept.rows("INSERT INTO domain_events (id, event_type, created_at) VALUES (1, 'a', '-infinity')")
    assert "from event 1 on" in found(database, "retention").seen


def test_revoked_grants_show_in_status(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.operator_dsn)
    assert "calendars" not in screen(read_status(settings))
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.calendar_grants"
            " (connection_id, state, reason, since, refresh_token_sha256) VALUES"
            " (gen_random_uuid(), 'revoked', 'invalid_grant', now() - interval '49 hours', '')"
        )
    status = read_status(settings)
    assert status.calendar_grants is not None
    assert status.calendar_grants.revoked == 1
    assert "1 grant is revoked, the oldest for 2.0 d" in screen(status)
