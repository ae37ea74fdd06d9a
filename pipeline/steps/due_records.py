"""The records that a run would claim now, for a dry run: reads them, and claims nothing."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.lease import Lease
from pipeline.settings import DatabaseSettings

_NO_TOKEN: Final = UUID(int=0)


class DueRecords:
    """Gives each due record once per process, as a lease that nobody has. Thread-safe.

    What is due stays due, as nothing is claimed. So each call reads the next page, and after the
    last one the first again.

    The query takes ``after``, the ``cursor`` of the last row of the page before, and ``most``. It
    returns ``sequence``, ``attempts``, ``failures``, ``due_at`` and ``cursor``; its other columns
    are the values of the lease.
    """

    def __init__(
        self,
        database: DatabaseSettings,
        query: bytes,
        *,
        most: int,
        key: Callable[[Lease], Hashable] = lambda lease: lease.sequence,
    ) -> None:
        """Read nothing yet.

        Args:
            database: of the records.
            query: reads a page.
            most: the most records of a page.
            key: what tells a record from others.
        """
        self._database = database
        self._query = query
        self._most = most
        self._key = key
        self._lock = threading.Lock()
        self._after: str | None = None
        self._given: set[Hashable] = set()

    def new(self, **parameters: object) -> list[Lease]:
        """Return what is due in the next page and was not returned before.

        Args:
            parameters: the other ones of the query.
        """
        with self._lock:
            given = {**parameters, "after": self._after, "most": self._most}
            leases, cursor = with_connection(self._database, lambda each: self._read(each, given))
            self._after = cursor if len(leases) == self._most else None
            new = [each for each in leases if self._key(each) not in self._given]
            self._given.update(map(self._key, new))
        return new

    def _read(
        self, connection: Connection[Any], parameters: dict[str, object]
    ) -> tuple[list[Lease], str | None]:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(self._query, parameters).fetchall()
        last = None
        for row in rows:
            last = row.pop("cursor")
        leases = [
            Lease(
                sequence=row.pop("sequence"),
                token=_NO_TOKEN,
                number=row.pop("attempts") + 1,
                failures=row.pop("failures"),
                due_at=row.pop("due_at"),
                values=row,
            )
            for row in rows
        ]
        return leases, last
