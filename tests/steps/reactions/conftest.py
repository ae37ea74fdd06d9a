"""A database with this family alone, and what a test does with it."""

from collections.abc import Iterator

import pytest

from tests.databases import Databases
from tests.steps.reactions.board import Board


@pytest.fixture
def board(databases: Databases) -> Iterator[Board]:
    with databases.with_reactions() as database:
        board = Board(database)
        yield board
        board.close()
