"""Statements without the parts about tables that a database may not have."""

from pipeline.clients.postgres.sql import load, without

STATEMENT = b"""SELECT 1
-- mail: begin
, 2
-- mail: end
, 3
    -- mail: begin
    , 4
    -- mail: end
-- push: begin
, 5
-- push: end
"""


def test_each_part_of_the_name_is_left_out_and_no_other() -> None:
    assert without(STATEMENT, "mail") == (b"SELECT 1\n, 3\n-- push: begin\n, 5\n-- push: end\n")
    assert without(STATEMENT, "jobs") == STATEMENT


def test_a_statement_of_the_project_is_shorter_without_its_part() -> None:
    statement = load("pipeline.ops.forget", "forget_letters")
    assert b"domain_events" in statement
    assert b"domain_events" not in without(statement, "fanout")
