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

    The query returns ``sequence``, ``attempts``, ``failures`` and ``due_at``; its other columns are
    the values of the lease.
    """

    def __init__(
        self,
        database: DatabaseSettings,
        query: bytes,
        *,
        key: Callable[[Lease], Hashable] = lambda lease: lease.sequence,
    ) -> None:
        self._database = database
        self._query = query
        self._key = key
        self._lock = threading.Lock()
        self._given: set[Hashable] = set()

    def new(self, **parameters: object) -> list[Lease]:
        """Return what is due now and was not returned before. In: the parameters of the query."""
        with self._lock:
            leases = with_connection(self._database, lambda each: self._read(each, parameters))
            new = [each for each in leases if self._key(each) not in self._given]
            self._given.update(map(self._key, new))
        return new

    def _read(self, connection: Connection[Any], parameters: dict[str, object]) -> list[Lease]:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(self._query, parameters).fetchall()
        return [
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
