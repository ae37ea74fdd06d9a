"""The costs that documents name are measured on what they are said to be measured on."""

import re

import pytest

from bench.costs import main, time_counts, time_own_table
from pipeline.ops.reactions.totals import read_totals
from pipeline.settings import DatabaseSettings
from tests.databases import Databases


def test_a_count_is_timed_over_so_many_tries_and_a_fifth_as_many_unrouted_events(
    databases: Databases,
) -> None:
    with databases.with_reactions() as database:
        line = time_counts(database.dsn, 1_000)
        totals = read_totals(DatabaseSettings(dsn=database.dsn))
    assert re.fullmatch(r"\d+\.\d\d s \(\S+ to \S+\) a count, 1,000 tries", line)
    assert (totals.succeeded, totals.failed, totals.unrouted) == (900, 100, 200)


def test_a_table_of_so_many_events_takes_the_place_of_ours_while_rows_are_inserted(
    databases: Databases,
) -> None:
    with databases.with_reactions() as database:
        line = time_own_table(database.dsn, 1_000)
        with database.connect() as connection:
            [(ours, theirs)] = connection.execute(
                "SELECT (SELECT count(*) FROM reactions.events), count(*) FROM public.events"
            ).fetchall()
    assert re.fullmatch(r"\d+\.\d s, the longest insert \d+ ms, 1,000 events", line)
    assert ours == theirs > 1_000


def test_a_part_that_is_unknown_is_refused_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["helth"])
    error = capsys.readouterr().err
    assert "invalid part 'helth': expected one of health, own-tables, bundle" in error
