"""Leased tables, and the statements that claim, extend and settle leases on their records.

A leased table has a unique ``sequence``, the columns ``state``, ``next_attempt_at``,
``lease_token``, ``attempts``, ``failures``, ``started_at``, ``finished_at``, ``error_class`` and
``reason``, and an index over (next_attempt_at, sequence) of what is pending, waiting or leased.
While a record is leased, ``next_attempt_at`` is the end of the lease: then any worker may claim it.

A ranked table has two more columns. ``priority`` is from 0, which is first, to 3. ``ranked_at`` is
the time by which a record is ranked that has been claimed and has not failed since: when it is
given back or its lease ends, it goes back to that place. It needs an index over next_attempt_at of
the records that stand later than that.
All times are the server's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

_NOTHING: Final = sql.SQL("")

# The columns that a claim returns for every table. The others are ``values``.
_OF_THE_LEASE: Final = ("sequence", "lease_token", "attempts", "failures", "due_at")

_CLAIM: Final = sql.SQL("""
-- Lease due records to one worker. In: most, seconds, and the values of the columns to filter by;
-- for a ranked table, reserved: how many of them are for records of other priorities than 0.
WITH {due},
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
        started_at = now(){keep_rank}{count_loss}
    FROM due
    WHERE record.sequence = due.sequence
    RETURNING record.*, {due_at} AS due_at, due.rank_at
)
SELECT {columns} FROM taken ORDER BY rank_at, due_at, sequence
""")
_DUE: Final = sql.SQL("""
due AS (
    SELECT {picked}, next_attempt_at AS rank_at
    FROM {table} AS record
    WHERE {claimable}{only}{alone}
    ORDER BY next_attempt_at, sequence
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)""")
# Records of priority 0 come first, the others at their due time and 0, 5 or 10 minutes.
_BEHIND: Final = sql.SQL(
    "(VALUES (1, interval '0'), (2, interval '5 minutes'), (3, interval '10 minutes'))"
)
_RANKED_DUE: Final = sql.SQL("""
first AS MATERIALIZED (
    SELECT {picked}, '-infinity'::timestamptz AS rank_at
    FROM {table} AS record
    WHERE {claimable}{only} AND priority = 0
    ORDER BY next_attempt_at, sequence
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
),
others AS MATERIALIZED (
    SELECT picked.*, picked.next_attempt_at + rank.behind AS rank_at
    FROM {behind} AS rank (priority, behind)
    CROSS JOIN LATERAL (
        SELECT {picked}
        FROM {table} AS record
        WHERE {claimable}{only} AND priority = rank.priority
        ORDER BY next_attempt_at, sequence
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) AS picked
),
-- The others get what is reserved for them, and what the first leave.
ordered AS (
    SELECT *, row_number() OVER (ORDER BY next_attempt_at, sequence)
        > greatest(%(most)s::int - %(reserved)s::int, 0) AS is_beyond
    FROM first
    UNION ALL
    SELECT *, false FROM others
),
due AS (
    SELECT * FROM ordered ORDER BY is_beyond, rank_at, next_attempt_at, sequence LIMIT %(most)s
)""")
# Before a claim: records of which nobody has the right any more go back to their places.
_RESTORE: Final = sql.SQL("""
-- Rank again what was given back or lost, as before. In: most, and the values of the columns to
-- filter by.
UPDATE {table} SET next_attempt_at = ranked_at
WHERE sequence = ANY (ARRAY(
    SELECT sequence FROM {table} AS record
    WHERE {claimable}{only} AND ranked_at < next_attempt_at
    ORDER BY next_attempt_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
""")
_KEEP_RANK: Final = sql.SQL(""",
        ranked_at = coalesce(record.ranked_at, due.next_attempt_at)""")
# Who claims a record whose lease has ended knows that its worker did not settle it.
_COUNT_LOSS: Final = sql.SQL(""",
        losses = record.losses + (due.state = 'leased')::int""")
_NO_LOSSES: Final = sql.SQL(", losses = 0")
# What failed has a next time, and no place before what is fresh.
_SETTLE_RANK: Final = sql.SQL(""",
        ranked_at = CASE
            WHEN given.state = 'waiting' AND NOT given.counts THEN record.ranked_at
        END""")
_PICKED: Final = sql.SQL(
    "sequence, next_attempt_at, state, attempts, started_at, {record_id} AS record_id"
)
_CLAIMABLE: Final = sql.SQL(
    "state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()"
)
# The same, and those that wait for their time.
_CLAIMABLE_EARLY: Final = sql.SQL(
    "state IN ('pending', 'waiting', 'leased') AND (state <> 'leased' OR next_attempt_at <= now())"
)
_ONLY: Final = sql.SQL(" AND {} = {}")
_ALONE: Final = sql.SQL("""
        AND NOT EXISTS (
            SELECT FROM {table} AS other
            WHERE other.{column} = record.{column} AND other.state = 'leased'
                AND other.sequence <> record.sequence
        )""")
_UNLESS: Final = sql.SQL("\n        AND NOT ({unless})")

_EXTEND: Final = sql.SQL("""
-- Extend a lease, and set other columns. In: sequence, token, seconds, and their values.
UPDATE {table} SET next_attempt_at = now() + make_interval(secs => %(seconds)s){also}
WHERE sequence = %(sequence)s AND lease_token = %(token)s AND state = 'leased'
RETURNING sequence
""")
_EXTEND_ALL: Final = sql.SQL("""
-- Extend leases. In: sequences and tokens, one each; seconds.
UPDATE {table} SET next_attempt_at = now() + make_interval(secs => %(seconds)s)
WHERE sequence = ANY (ARRAY(
    SELECT record.sequence
    FROM unnest(%(sequences)s::bigint[], %(tokens)s::uuid[]) AS held (sequence, token)
    JOIN {table} AS record ON record.sequence = held.sequence
    WHERE record.lease_token = held.token AND record.state = 'leased'
    FOR NO KEY UPDATE OF record SKIP LOCKED
))
""")
_NOT_BEATEN: Final = sql.SQL("""
        AND NOT EXISTS (SELECT FROM beaten WHERE beaten.token = given.token)""")
_ALSO: Final = sql.SQL(", {} = {}")
_RETURNED: Final = sql.SQL(", record.{0}")

_SETTLE: Final = sql.SQL("""
-- Write how tries ended, and one attempt each. In: [{{sequence, token, state, pause, due_at,
-- counts, result, error_class, code, reason, and the table's own}}]. Out: the tokens of the
-- leases that were still valid.
WITH given AS MATERIALIZED (
    SELECT given.*
    FROM jsonb_to_recordset(%(settlements)s::jsonb) AS given (
        sequence bigint, token uuid, state text, pause float8, due_at timestamptz,
        counts boolean, result text, error_class text, code text, reason text{given}
    )
){first},
ended AS (
    UPDATE {table} AS record SET
        state = given.state,
        lease_token = NULL,
        next_attempt_at = coalesce(given.due_at, now() + make_interval(secs => given.pause)),
        failures = record.failures + given.counts::int,
        finished_at = CASE WHEN given.state NOT IN ('waiting', 'held', 'digest') THEN now() END,
        error_class = given.error_class,
        reason = given.reason{no_losses}{settle_rank}{settled}
    FROM given
    WHERE record.sequence = given.sequence
        AND record.lease_token = given.token
        AND record.state = 'leased'{not_beaten}
    RETURNING
        {record_id} AS record_id, record.attempts, record.started_at, record.lease_token,
        given.token, given.result, given.error_class, given.code, given.reason,
        record.state{returned}
),
tried AS (
    INSERT INTO fanout.attempts (
        source, record_id, number, started_at, finished_at, result, error_class, code, reason
    )
    SELECT
        {source}, record_id, attempts, started_at, now(), result, error_class, code, reason
    FROM ended
){then}
SELECT token FROM ended
""")

_PAUSE: Final = sql.SQL("""
-- Pause records that a switch holds back now. In: closed: whether all are held back; most.
UPDATE {table} AS record SET state = 'paused'{restored}
WHERE sequence = ANY (ARRAY(
    SELECT sequence FROM {table} AS record
    WHERE record.state IN ('pending', 'waiting'){only} AND (%(closed)s OR {held})
    ORDER BY {order}
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
""")
_RESTORED: Final = sql.SQL(", next_attempt_at = coalesce(record.ranked_at, record.next_attempt_at)")
_RELEASE: Final = sql.SQL("""
-- Release paused records that nothing holds back. In: closed: whether all are held back; most.
UPDATE {table} AS record SET state = CASE WHEN record.attempts = 0 THEN 'pending' ELSE 'waiting' END
WHERE sequence = ANY (ARRAY({released}))
""")
_RELEASED: Final = sql.SQL("""
    SELECT sequence FROM {table} AS record
    WHERE {releasable}{only}
    ORDER BY next_attempt_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
""")
# By rank, so that a claim between two calls takes what comes first. As many of each class.
_RANKED_RELEASED: Final = sql.SQL("""
    SELECT sequence FROM (
        SELECT sequence FROM {table} AS record
        WHERE {releasable}{only} AND priority = 0
        ORDER BY next_attempt_at
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) AS first
    UNION ALL
    SELECT sequence FROM (
        SELECT picked.sequence
        FROM {behind} AS rank (priority, behind)
        CROSS JOIN LATERAL (
            SELECT sequence, next_attempt_at FROM {table} AS record
            WHERE {releasable}{only} AND priority = rank.priority
            ORDER BY next_attempt_at
            LIMIT %(most)s
            FOR UPDATE SKIP LOCKED
        ) AS picked
        ORDER BY picked.next_attempt_at + rank.behind
        LIMIT %(most)s
    ) AS others
""")
_RELEASABLE: Final = sql.SQL("record.state = 'paused' AND NOT (%(closed)s OR {held})")
_HELD: Final = sql.SQL(
    "EXISTS (SELECT FROM fanout.switches AS switch WHERE switch.name = record.{switch})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedTable:
    """A table whose records are leased.

    Attributes:
        schema: of the table.
        name: of the table.
        source: its name in dead letters and attempts.
        record_id: an SQL expression for the key of ``record`` as text.
        values: the other columns that a claim returns.
        switch: the column with the name of the switch that can hold a record back; None: nothing
            holds one back.
        alone: at most one record with the same value in this column is leased. The table has a
            unique index for it.
        unless: a condition on ``record``: while it is true, a record is not claimed. If it is about
            other records, a unique index refuses a claim that another one has overtaken.
        counts_losses: whether the column ``losses`` counts how many leases of a record in a row
            ended without a settlement.
        ranked: whether records have priorities, and keep their rank when they are given back.
        given: the names in the ``values`` of a settlement, with their types.
        settled: the assignments that a settlement makes of them, each after a comma.
        first: parts of the statement that settles, after a comma, before anything is settled. They
            read ``given``, and define ``beaten (token)``: the tries that are not settled, because
            what they rely on has changed. Their leases stay.
        then: more parts of the statement that settles, after a comma. They can read ``ended``: the
            new state of each record, and the columns in ``returned``.
        returned: see ``then``.
    """

    schema: str = "fanout"
    name: str
    source: str
    record_id: sql.SQL
    values: Sequence[str]
    switch: str | None = None
    alone: str | None = None
    unless: sql.Composable | None = None
    ranked: bool = False
    counts_losses: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    settled: sql.SQL | None = None
    first: sql.SQL | None = None
    then: sql.SQL | None = None
    returned: Sequence[str] = ()
    _parts: Mapping[str, sql.Composable] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = (*_OF_THE_LEASE, *self.values)
        parts = {
            "table": sql.Identifier(self.schema, self.name),
            "source": sql.Literal(self.source),
            "record_id": self.record_id,
            "held": sql.SQL("false")
            if self.switch is None
            else _HELD.format(switch=sql.Identifier(self.switch)),
            "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
            "picked": _PICKED.format(record_id=self.record_id),
            "claimable": _CLAIMABLE,
            "behind": _BEHIND,
            "due_at": sql.SQL("record.ranked_at" if self.ranked else "due.next_attempt_at"),
            "keep_rank": _KEEP_RANK if self.ranked else _NOTHING,
            "count_loss": _COUNT_LOSS if self.counts_losses else _NOTHING,
            "no_losses": _NO_LOSSES if self.counts_losses else _NOTHING,
            "settle_rank": _SETTLE_RANK if self.ranked else _NOTHING,
            "restored": _RESTORED if self.ranked else _NOTHING,
            "order": sql.SQL("priority, " if self.ranked else "") + sql.SQL("next_attempt_at"),
        }
        object.__setattr__(self, "_parts", parts)

    def claim_statement(self, only: Collection[str] = (), *, early: bool = False) -> sql.Composed:
        """The statement of ``claim``."""
        alone = sql.Composed([])
        if self.alone is not None:
            column = sql.Identifier(self.alone)
            alone += _ALONE.format(table=self._parts["table"], column=column)
        if self.unless is not None:
            alone += _UNLESS.format(unless=self.unless)
        due = _RANKED_DUE if self.ranked else _DUE
        claimable = {"claimable": _CLAIMABLE_EARLY} if early else {}
        return self._compose(
            _CLAIM, due=self._compose(due, only=_each(_ONLY, only), alone=alone, **claimable)
        )

    def restore_statement(self, only: Collection[str] = ()) -> sql.Composed:
        """The statement that precedes the one of ``claim``, for a ranked table."""
        return self._compose(_RESTORE, only=_each(_ONLY, only))

    def extend_statement(self, also: Collection[str] = ()) -> sql.Composed:
        """The statement of ``extend``."""
        return self._compose(_EXTEND, also=_each(_ALSO, also))

    def extend_all_statement(self) -> sql.Composed:
        """The statement of ``extend_all``."""
        return self._compose(_EXTEND_ALL)

    def settle_statement(self) -> sql.Composed:
        """The statement of ``settle``."""
        given = [
            sql.SQL(", {} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in self.given.items()
        ]
        return self._compose(
            _SETTLE,
            given=sql.Composed(given),
            settled=self.settled or _NOTHING,
            returned=_each(_RETURNED, self.returned),
            first=self.first or _NOTHING,
            not_beaten=_NOTHING if self.first is None else _NOT_BEATEN,
            then=self.then or _NOTHING,
        )

    def follow_statements(self, only: Collection[str] = ()) -> tuple[sql.Composed, sql.Composed]:
        """The statements of ``follow_switches``: to pause, and to release."""
        parts = {"only": _each(_ONLY, only)}
        releasable = self._compose(_RELEASABLE)
        released = self._compose(
            _RANKED_RELEASED if self.ranked else _RELEASED, releasable=releasable, **parts
        )
        return self._compose(_PAUSE, **parts), self._compose(_RELEASE, released=released)

    def _compose(self, statement: sql.SQL, **parts: sql.Composable) -> sql.Composed:
        return statement.format(**{**self._parts, **parts})


def _each(part: sql.SQL, columns: Collection[str]) -> sql.Composed:
    return sql.Composed(
        [part.format(sql.Identifier(name), sql.Placeholder(name)) for name in columns]
    )
