"""An application's database for each test."""

from collections.abc import Iterator

import pytest

from tests.databases import Databases
from tests.ops.own_tables.application import Application, application
from tests.steps.reactions.board import Board


@pytest.fixture
def own(databases: Databases) -> Iterator[Application]:
    with application(databases) as made:
        yield made


@pytest.fixture
def board(databases: Databases) -> Iterator[Board]:
    with databases.with_reactions() as database:
        board = Board(database)
        yield board
        board.close()
