"""Doctor on calendars: whether people have to connect theirs again."""

from pipeline.ops.doctor.check import Severity
from tests.databases import Database
from tests.jobs.calendars import calendars_in
from tests.ops.examination import found


def test_no_revoked_grant_is_no_fault(database: Database) -> None:
    finding = found(database, "calendar grants")
    assert (finding.severity, finding.seen) == (Severity.OK, "no calendar grant is revoked")


def test_revoked_grants_are_counted_and_it_says_where_to_find_them(database: Database) -> None:
    with database.connect() as connection:
        for age in ("1 minute", "49 hours"):
            connection.execute(
                "INSERT INTO fanout.calendar_grants"
                " (connection_id, state, reason, since, refresh_token_sha256) VALUES"
                " (gen_random_uuid(), 'revoked', 'invalid_grant', now() - %s::interval, '')",
                [age],
            )
    finding = found(database, "calendar grants")
    assert finding.severity == Severity.WARNING
    assert finding.seen.startswith("2 calendar grants are revoked, the oldest for 2.0 d")
    assert finding.fix is not None
    assert "FROM fanout.calendar_grants" in finding.fix


def test_without_jobs_there_is_nothing_to_look_at(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("DROP TABLE fanout.calendar_grants")
    finding = found(database, "calendar grants")
    assert (finding.severity, finding.seen) == (Severity.OK, "the family jobs is not installed")


def test_a_table_that_is_made_after_the_migration_gets_its_rights_from_what_doctor_prints(
    database: Database,
) -> None:
    with calendars_in(database) as calendars:
        for statement in (
            "ALTER TABLE calendar_connections RENAME TO earlier",
            "CREATE TABLE calendar_connections (LIKE earlier INCLUDING ALL)",
            "ALTER TABLE calendar_connections ENABLE ROW LEVEL SECURITY",
            "DROP TABLE earlier",
        ):
            calendars.owner.execute(statement)
        calendars.connect(token_expires_at=None)
        # Row security is only looked at for who may read.
        for check in ("jobs rights", "row security"):
            finding = found(database, check)
            assert finding.severity == Severity.FAILED
            assert "calendar_connections" in finding.seen
            assert finding.fix is not None
            calendars.owner.execute(finding.fix.encode())
            assert found(database, check).severity == Severity.OK
        assert calendars.run().emitted == 1
