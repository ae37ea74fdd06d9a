"""Claims, extends and settles leases on the records of a table. One implementation for all tables.

A leased table has a unique ``sequence``, the columns ``state``, ``next_attempt_at``,
``lease_token``, ``attempts``, ``failures``, ``started_at``, ``finished_at``, ``error_class`` and
``reason``, and an index over (next_attempt_at, sequence) of what is pending, waiting or leased.
While a record is leased, ``next_attempt_at`` is the end of the lease: then any worker may claim it.
All times are the server's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection, errors, sql
from psycopg.rows import dict_row

from pipeline.domain.lease import Lease, Settlement

_NOTHING: Final = sql.SQL("")

# The columns that a claim returns for every table. The others are ``values``.
_OF_THE_LEASE: Final = ("sequence", "lease_token", "attempts", "failures", "due_at")

_CLAIM: Final = sql.SQL("""
-- Lease due records to one worker. In: most, seconds, and the values of the columns to filter by.
WITH due AS (
    SELECT sequence, next_attempt_at, state, attempts, started_at, {record_id} AS record_id
    FROM {table} AS record
    WHERE state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now(){only}{alone}
    ORDER BY next_attempt_at, sequence
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
),
lost AS (
    INSERT INTO fanout.attempts (source, record_id, number, started_at, finished_at, result, reason)
    SELECT
        {source}, record_id, attempts, started_at, now(), 'lost',
        'its worker did not extend the lease in time'
    FROM due
    WHERE state = 'leased'
),
taken AS (
    UPDATE {table} AS record SET
        state = 'leased',
        lease_token = gen_random_uuid(),
        next_attempt_at = now() + make_interval(secs => %(seconds)s),
        attempts = record.attempts + 1,
        started_at = now()
    FROM due
    WHERE record.sequence = due.sequence
    RETURNING record.*, due.next_attempt_at AS due_at
)
SELECT {columns} FROM taken ORDER BY due_at, sequence
""")
_ONLY: Final = sql.SQL(" AND {} = {}")
_ALONE: Final = sql.SQL("""
        AND NOT EXISTS (
            SELECT FROM {table} AS other
            WHERE other.{column} = record.{column} AND other.state = 'leased'
                AND other.sequence <> record.sequence
        )""")

_EXTEND: Final = sql.SQL("""
-- Extend a lease, and set other columns. In: sequence, token, seconds, and their values.
UPDATE {table} SET next_attempt_at = now() + make_interval(secs => %(seconds)s){also}
WHERE sequence = %(sequence)s AND lease_token = %(token)s AND state = 'leased'
RETURNING sequence
""")
_ALSO: Final = sql.SQL(", {} = {}")

_SETTLE: Final = sql.SQL("""
-- Write how tries ended, and one attempt each. In: [{{sequence, token, state, pause, counts,
-- result, error_class, code, reason}}]. Out: the tokens of the leases that were still valid.
WITH given AS MATERIALIZED (
    SELECT given.*
    FROM jsonb_to_recordset(%(settlements)s::jsonb) AS given (
        sequence bigint, token uuid, state text, pause float8, counts boolean, result text,
        error_class text, code text, reason text
    )
),
ended AS (
    UPDATE {table} AS record SET
        state = given.state,
        lease_token = NULL,
        next_attempt_at = now() + make_interval(secs => given.pause),
        failures = record.failures + given.counts::int,
        finished_at = CASE WHEN given.state <> 'waiting' THEN now() END,
        error_class = given.error_class,
        reason = given.reason
    FROM given
    WHERE record.sequence = given.sequence
        AND record.lease_token = given.token
        AND record.state = 'leased'
    RETURNING
        {record_id} AS record_id, record.attempts, record.started_at, record.lease_token,
        given.token, given.result, given.error_class, given.code, given.reason
),
tried AS (
    INSERT INTO fanout.attempts (
        source, record_id, number, started_at, finished_at, result, error_class, code, reason
    )
    SELECT
        {source}, record_id, attempts, started_at, now(), result, error_class, code, reason
    FROM ended
)
SELECT token FROM ended
""")

_FOLLOW: Final = sql.SQL("""
-- Pause records that a switch holds back now. Release paused records without a switch.
UPDATE {table} AS record SET
    state = CASE
        WHEN record.state <> 'paused' THEN 'paused'
        WHEN record.attempts = 0 THEN 'pending'
        ELSE 'waiting'
    END
WHERE record.state IN ('pending', 'waiting', 'paused'){only}
    AND (record.state = 'paused') <> EXISTS (
        SELECT FROM fanout.switches AS switch WHERE switch.name = record.{switch}
    )
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedTable:
    """A table whose records are leased.

    Attributes:
        schema: of the table.
        name: of the table.
        source: its name in dead letters and attempts.
        record_id: an SQL expression for the key of ``record`` as text.
        values: the other columns that a claim returns.
        switch: the column with the name of the switch that can hold a record back.
        alone: at most one record with the same value in this column is leased. The table has a
            unique index for it.
    """

    schema: str = "fanout"
    name: str
    source: str
    record_id: sql.SQL
    values: Sequence[str]
    switch: str
    alone: str | None = None
    _parts: Mapping[str, sql.Composable] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = (*_OF_THE_LEASE, *self.values)
        parts = {
            "table": sql.Identifier(self.schema, self.name),
            "source": sql.Literal(self.source),
            "record_id": self.record_id,
            "switch": sql.Identifier(self.switch),
            "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        }
        object.__setattr__(self, "_parts", parts)

    def claim_statement(self, only: Collection[str] = ()) -> sql.Composed:
        """The statement of ``claim``."""
        alone: sql.Composable = _NOTHING
        if self.alone is not None:
            column = sql.Identifier(self.alone)
            alone = _ALONE.format(table=self._parts["table"], column=column)
        return self._compose(_CLAIM, only=_each(_ONLY, only), alone=alone)

    def extend_statement(self, also: Collection[str] = ()) -> sql.Composed:
        """The statement of ``extend``."""
        return self._compose(_EXTEND, also=_each(_ALSO, also))

    def settle_statement(self) -> sql.Composed:
        """The statement of ``settle``."""
        return self._compose(_SETTLE)

    def follow_statement(self, only: Collection[str] = ()) -> sql.Composed:
        """The statement of ``follow_switches``."""
        return self._compose(_FOLLOW, only=_each(_ONLY, only))

    def _compose(self, statement: sql.SQL, **parts: sql.Composable) -> sql.Composed:
        return statement.format(**self._parts, **parts)


def claim(
    connection: Connection[Any],
    table: LeasedTable,
    lease: timedelta,
    *,
    most: int = 1,
    only: Mapping[str, Any] | None = None,
) -> list[Lease]:
    """Lease due records to this worker, in the order in which they became due.

    A record with a lease is skipped, unless the lease has ended. Then it gets a new token.

    Args:
        connection: in autocommit.
        table: of the records.
        lease: for how long.
        most: the maximum number of records. It is 1 for a table with ``alone``.
        only: columns, and the values that a record must have in them.
    """
    statement = table.claim_statement(tuple(only or ()))
    parameters = {
        **(only or {}),
        "most": most if table.alone is None else 1,
        "seconds": lease.total_seconds(),
    }
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(statement, parameters).fetchall()
    except errors.UniqueViolation:
        if table.alone is None:
            raise
        # Another worker leased a record with the same value at the same time.
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


def settle(
    connection: Connection[Any], table: LeasedTable, settlements: Sequence[Settlement]
) -> set[UUID]:
    """Write how tries ended. Return the tokens of the leases that were still valid.

    A lease that another worker has taken over changes nothing.
    """
    document = [
        {
            "sequence": each.lease.sequence,
            "token": each.lease.token,
            "state": each.state,
            "pause": each.pause,
            "counts": each.counts,
            "result": each.result,
            "error_class": each.cause and each.cause.error_class,
            "code": each.cause and each.cause.code,
            "reason": each.cause and each.cause.reason,
        }
        for each in settlements
    ]
    parameters = {"settlements": orjson.dumps(document).decode()}
    return {token for (token,) in connection.execute(table.settle_statement(), parameters)}


def follow_switches(
    connection: Connection[Any], table: LeasedTable, *, only: Mapping[str, Any] | None = None
) -> None:
    """Pause the records that a switch holds back now, and release those without a switch."""
    connection.execute(table.follow_statement(tuple(only or ())), only or {})


def _each(part: sql.SQL, columns: Collection[str]) -> sql.Composed:
    return sql.Composed(
        [part.format(sql.Identifier(name), sql.Placeholder(name)) for name in columns]
    )
