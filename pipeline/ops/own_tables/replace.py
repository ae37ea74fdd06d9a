"""Puts tables of an application in the place of ours, which are empty.

An updatable view has our name. It shows the application's table with the columns that we need, and
reads and writes it with the rights of its owner, so that our roles need none on the table itself.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg import Connection, sql

from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.own_tables.aside import (
    REPLACED,
    forget_mark,
    grant,
    put_aside,
    rights_on,
)
from pipeline.ops.own_tables.given import SCHEMA, GivenTable
from pipeline.ops.own_tables.needed import OWN_TABLES
from pipeline.ops.own_tables.standing import standing
from pipeline.ops.own_tables.waits import in_short_waits, set_for_session

_SEQUENCE_OF_EVENTS: Final = "events_sequence"

_INDEXES: Final = load(__package__, "indexes")


def check_places(connection: Connection[Any], given: Sequence[GivenTable]) -> None:
    """Check that what these tables take the place of is empty, or a view of them already.

    Raises:
        ConfigurationError: it has rows, or is a view of another table.
    """
    found = standing(connection, [each.name for each in given])
    for each in given:
        there = found.get(each.name)
        if there is None:
            continue
        if there.kind != "r":
            if (there.schema, there.table) != (each.schema, each.table):
                raise ConfigurationError(
                    f"{each.ours} is a view of {there.behind}: expected one of {each.own}"
                )
        else:
            _check_empty(connection, each)


def use_own_table(
    connection: Connection[Any], given: GivenTable, report: Callable[[str], None]
) -> bool:
    """Put a table of the application in the place of ours. Return whether anything changed.

    Args:
        connection: in autocommit, with the login that owns both tables.
        given: the table, which ``check_own_tables`` has found to be right.
        report: is called with one line for each change.

    Raises:
        ConfigurationError: our table has rows.
        TransientError: a table was in use for too long.
    """
    there = standing(connection, [given.name])[given.name]
    needed = [column.name for column in OWN_TABLES[given.name].columns]
    if there.kind == "v":
        if set(needed) <= set(there.columns):
            return False
        in_short_waits(
            connection, given.names, lambda: _show_more(connection, given, there.columns)
        )
        report(f"{given.ours} shows more columns of {given.own}")
        return True
    if given.name == "events":
        _add_sequence(connection, given, report)
    # They wait for older transactions, however long these take.
    set_for_session(connection, "lock_timeout", "0")
    _build_indexes(connection, given, report)
    in_short_waits(connection, given.names, lambda: _replace(connection, given))
    report(f"{given.ours} is a view of {given.own} now")
    return True


def _add_sequence(
    connection: Connection[Any], given: GivenTable, report: Callable[[str], None]
) -> None:
    """Number the events that are inserted from now on. Those from before keep NULL: no rewrite."""
    table = sql.Identifier(given.schema, given.table)
    sequence = sql.Identifier(SCHEMA, _SEQUENCE_OF_EVENTS)

    def is_there() -> bool:
        has = connection.execute(
            "SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attname = 'sequence' AND NOT attisdropped",
            [table.as_string(connection)],
        )
        return has.fetchone() is not None

    def add() -> None:
        if is_there():
            return
        # Whoever inserts needs the right to number, whatever roles the application has, or gets.
        statement = sql.SQL(
            "CREATE SEQUENCE IF NOT EXISTS {sequence};"
            "GRANT USAGE ON SEQUENCE {sequence} TO PUBLIC;"
            "ALTER TABLE {table} ADD COLUMN sequence bigint;"
            "ALTER TABLE {table} ALTER COLUMN sequence SET DEFAULT nextval({name}::regclass);"
        ).format(
            sequence=sequence,
            table=table,
            name=sql.Literal(f"{SCHEMA}.{_SEQUENCE_OF_EVENTS}"),
        )
        connection.execute(statement)

    if is_there():
        return
    in_short_waits(connection, given.names, add)
    report(f"{given.own} numbers the events that are inserted from now on")


def _build_indexes(
    connection: Connection[Any], given: GivenTable, report: Callable[[str], None]
) -> None:
    """Build the indexes that ours has. They hold up nobody, and wait for older transactions."""
    with working(connection), connection.transaction():
        # So that a definition has the schema of each name.
        connection.execute("SET LOCAL search_path = pg_catalog")
        rows = connection.execute(
            _INDEXES, {"name": given.name, "schema": given.schema, "table": given.table}
        ).fetchall()
    for name, definition, is_valid in rows:
        if is_valid:
            continue
        index = sql.Identifier(given.schema, name)
        if is_valid is False:
            # Somebody stopped it half-way.
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index))
        started = time.monotonic()
        connection.execute(
            sql.SQL("CREATE INDEX CONCURRENTLY {} ON {}{}").format(
                sql.Identifier(name),
                sql.Identifier(given.schema, given.table),
                sql.SQL(definition),
            )
        )
        report(f"built {given.schema}.{name} in {time.monotonic() - started:.2f} s")


def _replace(connection: Connection[Any], given: GivenTable) -> None:
    if standing(connection, [given.name])[given.name].kind == "v":
        # Another migrate was faster.
        return
    ours = sql.Identifier(SCHEMA, given.name)
    replaced = f"{given.name}{REPLACED}"
    old = sql.Identifier(SCHEMA, replaced)
    connection.execute(sql.SQL("LOCK TABLE {}").format(ours))
    _check_empty(connection, given)
    rights = rights_on(connection, given.name)
    connection.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(ours, sql.Identifier(replaced))
    )
    columns = [column.name for column in OWN_TABLES[given.name].columns]
    connection.execute(
        sql.SQL("CREATE VIEW {} AS SELECT {} FROM {}").format(
            ours,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(given.schema, given.table),
        )
    )
    grant(connection, ours, [each for each in rights if each.column in (None, *columns)])
    if given.name == "events":
        connection.execute("SELECT reactions.make_event_dead_letters()")
    # Whatever else refers to ours is not to follow it.
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("DROP TABLE {}").format(old))
    put_aside(connection, given.name)
    if given.name == "events":
        # Captured is the table behind the view.
        connection.execute("SELECT fanout.capture_reactions()")
        # Of this table nobody has found the events from before yet, even if the graph ran already.
        connection.execute(
            "UPDATE fanout.reaction_backlog SET reached = DEFAULT, finished_at = NULL"
        )
        forget_mark(connection)


def _show_more(connection: Connection[Any], given: GivenTable, shown: Sequence[str]) -> None:
    columns = [column.name for column in OWN_TABLES[given.name].columns]
    more = [name for name in columns if name not in shown]
    connection.execute(
        sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}").format(
            sql.Identifier(SCHEMA, given.name),
            sql.SQL(", ").join(map(sql.Identifier, [*shown, *more])),
            sql.Identifier(given.schema, given.table),
        )
    )


def _check_empty(connection: Connection[Any], given: GivenTable) -> None:
    table = sql.Identifier(SCHEMA, given.name)
    found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table))
    if found.fetchone() == (True,):
        raise ConfigurationError(
            f"{given.ours} has rows, so {given.own} cannot take its place: move them there, and"
            f" empty {given.ours}"
        )
