"""Reads figures part by part: one that may not be read, or is locked, does not stop the others."""

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege, LockNotAvailable

from pipeline.clients.postgres.session import working

PartT = TypeVar("PartT")


class Parts:
    """The parts of one reading, over one connection.

    Attributes:
        leaves_out: further errors that leave out only their part.
        not_visible: the parts that the role may not read.
        locked: the parts whose tables are locked.
        left_out: the parts with one of the further errors.
    """

    def __init__(
        self, connection: Connection[Any], leaves_out: tuple[type[psycopg.Error], ...] = ()
    ) -> None:
        self._connection = connection
        self.leaves_out = leaves_out
        self.not_visible: list[str] = []
        self.locked: list[str] = []
        self.left_out: list[str] = []

    def read(self, name: str, read: Callable[[Connection[Any]], PartT]) -> PartT | None:
        """Return a part; None if it cannot be read."""
        try:
            with working(self._connection):
                return read(self._connection)
        except InsufficientPrivilege:
            self.not_visible.append(name)
        except LockNotAvailable:
            self.locked.append(name)
        except self.leaves_out:
            self.left_out.append(name)
        return None
