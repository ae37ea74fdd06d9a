"""``routes`` as a command: what an operator sees, and what they are told of a mistake."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.databases import Database, Databases
from tests.docs.markdown import commands
from tests.test_command_line import command

PAGE: Final = (Path(__file__).parents[2] / "docs/reactions.md").read_text("utf-8")


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    with databases.with_reactions() as database:
        yield database


def run(database: Database, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = command("routes", *arguments, DATABASE_URL=database.operator_dsn)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_the_commands_of_the_document_print_what_it_shows(database: Database) -> None:
    shown = [each for each in commands(PAGE) if "pipeline routes" in each.text]
    assert len(shown) == 3
    for each in shown:
        _, arguments = each.text.split("pipeline routes ")
        printed, _ = run(database, *shlex.split(arguments))
        assert printed.splitlines() == [line for line in each.shown if line]
    listed, _ = run(database, "list")
    assert listed.startswith('2  member.checked, position 1\n   {"plan":"pro"}\n')
    assert "to the handler user.verified" in listed
    [route] = json.loads(run(database, "list", "--json")[0])["routes"]
    assert (route["id"], route["condition"], route["created_by"]) == (
        *(2, {"plan": "pro"}),
        "test_operator",
    )
    assert json.loads(run(database, "list", "--type", "user.verified", "--json")[0]) == {
        "routes": []
    }


def test_a_mistake_is_one_line_and_quotes_no_condition(database: Database) -> None:
    for code, arguments, said in (
        (1, ("add", "user.verified", "--to", "webhook:crm"), "migrate --family push"),
        (2, ("add", "user.verified", "--to", "nobody", "--if", '{"secret": '), "invalid condition"),
        (2, ("add", "document_uploaded", "--to", "nobody"), "one is of domain_events, and"),
        (1, ("remove", "7"), "no route 7: python -m pipeline routes list shows them"),
    ):
        _, error = run(database, *arguments, code=code)
        assert said in error
        assert "secret" not in error
        assert error.count("\n") == 1
    assert run(database, "list")[0].startswith("no routes; to add one: ")


def test_an_id_that_is_no_number_is_answered_with_what_was_expected(database: Database) -> None:
    _, error = run(database, "remove", "first", code=2)
    assert "argument ID: invalid id of a route 'first': expected a number such as 3" in error
