"""Claims, extends and settles leases on the records of a table. One implementation for all tables.

All times are the server's.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection, errors
from psycopg.rows import dict_row

from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.domain.errors import NotStorable
from pipeline.domain.lease import Lease, Settlement

# The most records that one claim puts back to their places: some milliseconds.
MOST_RESTORED: Final = 1_000
# A statement that pauses or releases this many records takes a fraction of a second.
MOST_FOLLOWED: Final = 5_000
# Claims that were overtaken by others are made again at once, so often.
CLAIM_TRIES: Final = 3


def claim(
    connection: Connection[Any],
    table: LeasedTable,
    lease: timedelta,
    *,
    most: int = 1,
    reserved: int = 0,
    only: Mapping[str, Any] | None = None,
    early: bool = False,
) -> list[Lease]:
    """Lease due records to this worker, in the order in which they became due.

    In a ranked table that is the order of their ranks, whoever gave them back or lost them, unless
    they failed.

    A record with a lease is skipped, unless the lease has ended. Then it gets a new token.

    Args:
        connection: in autocommit.
        table: of the records.
        lease: for how long.
        most: the maximum number of records. It is 1 for a table with ``alone``.
        reserved: how many of them are for other priorities than 0, if any such record is due.
        only: columns, and the values that a record must have in them.
        early: whether records are leased too that wait for their time.
    """
    statement = table.claim_statement(tuple(only or ()), early=early)
    restore = table.restore_statement(tuple(only or ())) if table.ranked and not early else None
    parameters = {
        **(only or {}),
        "most": most if table.alone is None else 1,
        "reserved": reserved,
        "seconds": lease.total_seconds(),
    }
    for _ in range(CLAIM_TRIES):
        try:
            with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
                if restore is not None:
                    cursor.execute(restore, {**parameters, "most": MOST_RESTORED})
                rows = cursor.execute(statement, parameters).fetchall()
            break
        except errors.UniqueViolation:
            if table.alone is None and table.unless is None:
                raise
            # Another worker leased what holds a record back at the same time. Now we see it.
    else:
        return []
    return [
        Lease(
            sequence=row.pop("sequence"),
            token=row.pop("lease_token"),
            number=row.pop("attempts"),
            failures=row.pop("failures"),
            due_at=row.pop("due_at"),
            values=row,
        )
        for row in rows
    ]


def extend(
    connection: Connection[Any],
    table: LeasedTable,
    held: Lease,
    lease: timedelta,
    *,
    also: Mapping[str, Any] | None = None,
) -> bool:
    """Extend a lease, counted from now. Return whether it was still valid.

    Args:
        connection: in autocommit.
        table: of the record.
        held: the lease.
        lease: for how long.
        also: other columns to set, and their values.
    """
    parameters = {
        **(also or {}),
        "sequence": held.sequence,
        "token": held.token,
        "seconds": lease.total_seconds(),
    }
    statement = table.extend_statement(tuple(also or ()))
    return connection.execute(statement, parameters).fetchone() is not None


def extend_all(
    connection: Connection[Any], table: LeasedTable, held: Sequence[Lease], lease: timedelta
) -> None:
    """Extend these leases in one statement, counted from now. One that was lost stays so.

    A record that another session has locked is left out: it is being settled, or is extended by the
    next call. So this never waits, and cannot be part of a deadlock.

    Args:
        connection: in autocommit.
        table: of the records.
        held: the leases.
        lease: for how long.
    """
    parameters = {
        "sequences": [each.sequence for each in held],
        "tokens": [each.token for each in held],
        "seconds": lease.total_seconds(),
    }
    connection.execute(table.extend_all_statement(), parameters)


def settle(
    connection: Connection[Any], table: LeasedTable, settlements: Sequence[Settlement]
) -> set[UUID]:
    """Write how tries ended. Return the tokens of the leases that were still valid.

    A lease that another worker has taken over changes nothing.

    Raises:
        NotStorable: JSON cannot express a value of a settlement.
    """
    document = [
        {
            "sequence": each.lease.sequence,
            "token": each.lease.token,
            "state": each.state,
            "pause": each.pause,
            "due_at": each.due_at,
            "counts": each.counts,
            "result": each.result,
            "error_class": each.cause and each.cause.error_class,
            "code": each.cause and each.cause.code,
            "reason": each.cause and each.cause.reason,
            **each.values,
        }
        for each in settlements
    ]
    try:
        settled = orjson.dumps(document).decode()
    except TypeError:
        raise NotStorable("an effect holds a value that JSON cannot express") from None
    statement = table.settle_statement()
    return {token for (token,) in connection.execute(statement, {"settlements": settled})}


def follow_switches(
    connection: Connection[Any],
    table: LeasedTable,
    *,
    only: Mapping[str, Any] | None = None,
    closed: bool = False,
    most: int = MOST_FOLLOWED,
) -> None:
    """Pause the records that a switch holds back now, and release those without a switch.

    The next call goes on with those for which this one has no place.

    Args:
        connection: in autocommit.
        table: of the records.
        only: columns, and the values that a record must have in them.
        closed: whether all of these records are held back, whatever their own switches say.
        most: how many are paused, and how many of priority 0 and of the others are released, the
            most urgent first.
    """
    parameters = {**(only or {}), "closed": closed, "most": most}
    for statement in table.follow_statements(tuple(only or ())):
        connection.execute(statement, parameters)
