"""Retention holds no row for longer than 100 ms: the server cancels a batch that would."""

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psycopg
import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.steps.retention_batch import LIMIT_MILLISECONDS
from tests.clients.postgres.pgbouncer import needs_pgbouncer, pgbouncer
from tests.databases import Database
from tests.jobs.kept import OLD, Kept

LEDGER: Final = "notification_processing"
DECISIONS: Final = "notification_decisions"
# A deleted row takes at least so long: on no machine do more than MOST_SLOW fit into the limit.
ROW_MILLISECONDS: Final = 10
MOST_SLOW: Final = LIMIT_MILLISECONDS // ROW_MILLISECONDS
_SLOW: Final = f"""
    CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep({ROW_MILLISECONDS} / 1000.0);
        RETURN OLD;
    END
    $$;
    CREATE TRIGGER be_slow BEFORE DELETE ON public.%s FOR EACH ROW EXECUTE FUNCTION be_slow();
"""


@pytest.fixture
def kept(database: Database) -> Iterator[Kept]:
    """An empty database."""
    with database.connect() as connection:
        yield Kept(database, connection)


def decide(kept: Kept, number: int) -> None:
    kept.rows(
        "INSERT INTO notification_decisions (event_id, user_id, channel, reason, created_at)"
        " SELECT number, gen_random_uuid(), 'in_app', 'muted', now() - %s"
        " FROM generate_series(1, %s) AS number",
        OLD, number,
    )  # fmt: skip


@pytest.mark.parametrize("table", [LEDGER, DECISIONS])
def test_a_batch_that_takes_too_long_is_cancelled_and_done_in_parts(
    kept: Kept, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept.insert_many(30)
    decide(kept, 30)
    kept.rows(_SLOW % table)
    with caplog.at_level(logging.INFO):
        pages = kept.pages(table)
    deleted = [page.counts.emitted for page in pages]
    assert 0 < max(deleted) <= MOST_SLOW
    # On a machine that stood still for the whole limit, twice, a row stays until the next run.
    assert sum(deleted) + sum(page.counts.skipped for page in pages) == 30
    tried = re.findall(rf"a batch of (\d+) rows of {table} took longer than 100 ms", caplog.text)
    # As long as a batch contains all slow rows, the next one has half as many.
    halves = [rows for number in range(8) if (rows := int(tried[0]) // 2**number) > 30]
    assert [int(rows) for rows in tried[: len(halves)]] == halves
    assert len(halves) > 3
    assert kept.unfinished() == []


def test_control_a_batch_without_the_limit_deletes_all_slow_rows_at_once(kept: Kept) -> None:
    kept.insert_many(30)
    decide(kept, 30)
    kept.rows(_SLOW % DECISIONS)
    with psycopg.connect(kept.database.jobs_dsn, autocommit=True) as connection:
        deleted = connection.execute("DELETE FROM notification_decisions").rowcount
    assert deleted > MOST_SLOW


@pytest.mark.parametrize("table", [LEDGER, DECISIONS])
def test_a_row_that_another_session_holds_stays_and_holds_up_no_other(
    kept: Kept, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept.insert_many(20)
    decide(kept, 20)
    with kept.database.connect() as holder, holder.transaction():
        holder.execute(f"SELECT FROM {table} WHERE event_id = 17 FOR UPDATE")
        counts = kept.run(table)
        assert (counts.emitted, counts.skipped) == (19, 1)
    assert kept.rows(f"SELECT event_id FROM {table}") == [(17,)]  # noqa: S608 - of the tests
    assert f"a row of {table} stays until the next run" in caplog.text
    assert kept.unfinished() == []
    assert kept.run(table).emitted == 1
    assert kept.rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - of the tests


@needs_pgbouncer
def test_a_batch_has_its_limit_behind_a_pooler_too(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.insert_many(30)
    kept.rows(_SLOW % LEDGER)
    with (
        pgbouncer(kept.database, "transaction", ignores_options=True) as behind,
        caplog.at_level(logging.INFO),
    ):
        pages = Kept(behind, kept.connection).pages(LEDGER)
        close_pools()
    deleted = [page.counts.emitted for page in pages]
    assert 0 < max(deleted) <= MOST_SLOW
    assert sum(deleted) + sum(page.counts.skipped for page in pages) == 30
    assert "took longer than 100 ms and was cancelled" in caplog.text


def longest_wait(database: Database, over: threading.Event) -> float:
    """The longest that a writer of the ledger waited for a row, in seconds."""
    longest = 0.0
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        event = 0
        while not over.is_set():
            event = event % 30_000 + 97
            [(seconds,)] = connection.execute(
                "WITH begun AS MATERIALIZED (SELECT clock_timestamp() AS at),"
                " locked AS MATERIALIZED (SELECT event_id FROM notification_processing, begun"
                " WHERE event_id = %s FOR UPDATE OF notification_processing)"
                " SELECT extract(epoch FROM clock_timestamp() - at)::float8"
                " FROM begun LEFT JOIN locked ON true",
                [event],
            ).fetchall()
            longest = max(longest, seconds)
    return longest


# Batches aim at 50 ms; a machine three times slower, and busy, is given 20 times as long.
BOUND_SECONDS: Final = 1.0


def test_no_writer_waits_long_for_a_row(kept: Kept) -> None:
    kept.insert_many(30_000)
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(longest_wait, kept.database, over)
        try:
            assert kept.run(LEDGER).emitted == 30_000
        finally:
            over.set()
        assert waited.result(timeout=60) < BOUND_SECONDS


def test_control_a_deletion_that_stays_open_is_seen_by_the_writer(kept: Kept) -> None:
    kept.insert_many(30_000)
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool, kept.database.connect() as connection:
        with connection.transaction():
            connection.execute("DELETE FROM notification_processing")
            waited = pool.submit(longest_wait, kept.database, over)
            connection.execute("SELECT pg_sleep(1.5)")
        over.set()
        assert waited.result(timeout=60) > BOUND_SECONDS
