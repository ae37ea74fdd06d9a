"""What a column takes is tried without writing anything, whatever its expressions do."""

import psycopg
import pytest

from pipeline.ops.own_tables.values import TheirColumn, find_default, find_refused
from tests.databases import Database

WRITES = """
    CREATE TABLE calls (at timestamptz);
    CREATE SEQUENCE numbers;
    CREATE FUNCTION is_known(word text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO calls VALUES (now());
        RETURN word <> 'unknown';
    END
    $$
"""


def column(default: str | None = None, **checks: str) -> TheirColumn:
    return TheirColumn(name="status", declared="text", default=default, checks=checks)


@pytest.mark.parametrize("in_transaction", [False, True])
def test_an_expression_that_writes_writes_nothing_and_the_transaction_goes_on(
    empty_database: Database,
    in_transaction: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with psycopg.connect(empty_database.dsn, autocommit=not in_transaction) as connection:
        connection.execute(WRITES)
        writes = column("nextval('numbers')", known="is_known(status)")
        assert find_refused(connection, writes, ["done"]) == {}
        assert find_default(connection, writes) is None
        # Control: without an expression that writes, it is refused.
        refuses = column(known="status <> 'done'")
        assert find_refused(connection, refuses, ["done"]) == {"known": ["done"]}
        connection.execute("INSERT INTO calls VALUES (NULL)")
        assert connection.execute("SELECT at FROM calls").fetchall() == [(None,)]
        assert connection.execute("SELECT is_called FROM numbers").fetchone() == (False,)


@pytest.mark.parametrize(
    ("default", "shown"), [("lower('NEW')", "new"), ("(1 / 0)::text", None), ("missing()", None)]
)
def test_a_default_is_told_if_it_can_be(
    empty_database: Database, default: str, shown: str | None
) -> None:
    with psycopg.connect(empty_database.dsn, autocommit=True) as connection:
        assert find_default(connection, column(default)) == shown
