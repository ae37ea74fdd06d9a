"""Statements without the parts about tables that a database may not have."""

import pytest

from pipeline.clients.postgres.sql import alternatives, load, without

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


def test_of_the_alternatives_of_a_statement_one_is_loaded() -> None:
    tasks, messages = (
        load("pipeline.jobs.reactions", "dispatch", it) for it in ("tasks", "messages")
    )
    assert (b"agent_tasks" in tasks, b"message_queue" in tasks) == (True, False)
    assert (b"agent_tasks" in messages, b"message_queue" in messages) == (False, True)
    assert alternatives(tasks) == ["tasks"]


@pytest.mark.parametrize("only", [None, "letters"])
def test_a_statement_with_alternatives_is_not_loaded_without_one_of_them(only: str | None) -> None:
    with pytest.raises(ValueError, match=r"expected one of \['messages', 'tasks'\]"):
        load("pipeline.jobs.reactions", "dispatch", only)


def test_a_statement_without_alternatives_has_none() -> None:
    with pytest.raises(ValueError, match="invalid alternative 'tasks'"):
        load("pipeline.ops.forget", "forget_letters", "tasks")
