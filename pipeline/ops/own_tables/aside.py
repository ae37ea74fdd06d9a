"""Tables of ours that are put aside while one of an application has their place, and the way back.

A table that is put aside is empty, and stands in the schema ``fanout``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection, sql

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.own_tables.given import SCHEMA
from pipeline.ops.own_tables.needed import OWN_TABLES
from pipeline.ops.own_tables.standing import StandingTable, standing
from pipeline.ops.own_tables.waits import in_short_waits

# What is replaced has this name for the length of a transaction.
REPLACED: Final = "_replaced"
_ASIDE: Final = "fanout"
# As in reactions/0013: below every sequence.
_NO_MARK: Final = -(2**63)

_RIGHTS: Final = load(__package__, "rights")
# Whether rows of the table behind a view are being worked on, or wait for it. In others none wait.
_DISPATCHED: Final = (
    "SELECT count(*) FROM fanout.dispatches WHERE kind = %s AND state IN ('leased', 'waiting')"
)
_FOUND: Final = (
    "SELECT count(*) FROM fanout.reactions"
    " WHERE state IN ('pending', 'leased', 'waiting', 'paused')"
)
_UNFINISHED: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "events": (_FOUND, ()),
    "agent_tasks": (_DISPATCHED, ("task",)),
    "message_queue": (_DISPATCHED, ("message",)),
}


class RightOn(NamedTuple):
    """A row of rights.sql."""

    right: str
    column: str | None
    grantee: str | None


def put_aside(connection: Connection[Any], name: str) -> None:
    """Put a table of ours aside, which has just been replaced. In a transaction.

    Nobody keeps a right on it. What has its place has them all.
    """
    old = sql.Identifier(SCHEMA, f"{name}{REPLACED}")
    _end_capture(connection, old, "%")
    for grantee in {each.grantee for each in rights_on(connection, f"{name}{REPLACED}")}:
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(old, _role(grantee)))
    connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(old, sql.Identifier(_ASIDE)))
    connection.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(
            sql.Identifier(_ASIDE, f"{name}{REPLACED}"), sql.Identifier(_aside(name))
        )
    )


def check_ours_again(connection: Connection[Any], names: Collection[str]) -> None:
    """Check that tables of ours can have their places again.

    Raises:
        ConfigurationError: one was not put aside, or work on rows of the application goes on.
    """
    for each in standing(connection, names).values():
        if each.kind == "v":
            _check_way_back(connection, each)


def use_ours_again(connection: Connection[Any], name: str, report: Callable[[str], None]) -> bool:
    """Give a table of ours its place again. Return whether anything changed.

    The application's table stays as it is, with the column and the indexes that it was given.

    Args:
        connection: in autocommit, with the login that owns both tables.
        name: of our table.
        report: is called with one line for each change.

    Raises:
        ConfigurationError: it was not put aside, or work on rows of the application goes on.
        TransientError: the view was in use for too long.
    """
    there = standing(connection, [name])[name]
    if there.kind != "v":
        return False
    in_short_waits(
        connection, f"{there.behind} or {there.ours}", lambda: _go_back(connection, there)
    )
    report(f"{there.ours} is our own table again, and {there.behind} stays as it is")
    return True


def rights_on(connection: Connection[Any], relation: str) -> list[RightOn]:
    """Return the rights that were granted on a table or view of the schema ``reactions``."""
    rows = connection.execute(_RIGHTS, {"name": relation}).fetchall()
    return [RightOn(*row) for row in rows]


def grant(connection: Connection[Any], on: sql.Identifier, rights: Iterable[RightOn]) -> None:
    """Grant rights on a table or view."""
    for each in rights:
        columns = [] if each.column is None else [sql.Identifier(each.column)]
        column = sql.SQL("").join(sql.SQL(" ({})").format(name) for name in columns)
        connection.execute(
            sql.SQL("GRANT {}{} ON {} TO {}").format(
                sql.SQL(each.right), column, on, _role(each.grantee)
            )
        )


def forget_mark(connection: Connection[Any]) -> None:
    """Forget up to where events have ended: another table has numbers of its own.

    The mark of one table would hide the first events of the other one for ever.
    """
    connection.execute("UPDATE fanout.reaction_marks SET last_sequence = %s", [_NO_MARK])


def _go_back(connection: Connection[Any], there: StandingTable) -> None:
    found = standing(connection, [there.name])[there.name]
    if found.kind != "v":
        # Another migrate was faster.
        return
    name = there.name
    ours = sql.Identifier(SCHEMA, name)
    view = sql.Identifier(SCHEMA, f"{name}{REPLACED}")
    # From here on nobody reads or writes through it.
    connection.execute(
        sql.SQL("ALTER VIEW {} RENAME TO {}").format(ours, sql.Identifier(f"{name}{REPLACED}"))
    )
    _check_way_back(connection, there)
    aside = sql.Identifier(_ASIDE, _aside(name))
    for column in OWN_TABLES[name].columns:
        # A later version may need more than it had when it was put aside. It is empty.
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {}").format(
                aside, sql.SQL(column.definition)
            )
        )
    connection.execute(
        sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(aside, sql.Identifier(SCHEMA))
    )
    connection.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(
            sql.Identifier(SCHEMA, _aside(name)), sql.Identifier(name)
        )
    )
    grant(connection, ours, rights_on(connection, f"{name}{REPLACED}"))
    if name == "events":
        connection.execute("SELECT reactions.make_event_dead_letters()")
    connection.execute(sql.SQL("DROP VIEW {}").format(view))
    if name == "events":
        _end_capture(connection, sql.Identifier(there.schema or "", there.table or ""), "fanout%")
        connection.execute("SELECT fanout.capture_reactions()")
        forget_mark(connection)


def _check_way_back(connection: Connection[Any], there: StandingTable) -> None:
    found = connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL", [f"{_ASIDE}.{_aside(there.name)}"]
    )
    if found.fetchone() != (True,):
        raise ConfigurationError(
            f"{there.ours} has no way back: an earlier version put {there.behind} in its place,"
            " and kept nothing of our table"
        )
    if there.name not in _UNFINISHED:
        return
    [(unfinished,)] = connection.execute(*_UNFINISHED[there.name]).fetchall()
    if unfinished:
        raise ConfigurationError(
            f"{there.behind} has {unfinished} rows that are being worked on: wait until"
            " python -m pipeline status shows none, then run migrate again"
        )


def _end_capture(connection: Connection[Any], table: sql.Identifier, like: str) -> None:
    """Take a table out of the publications with such names."""
    rows: Sequence[tuple[str]] = connection.execute(
        "SELECT publication.pubname::text FROM pg_catalog.pg_publication_rel AS member"
        " JOIN pg_catalog.pg_publication AS publication ON publication.oid = member.prpubid"
        " WHERE member.prrelid = to_regclass(%s) AND publication.pubname LIKE %s",
        [table.as_string(connection), like],
    ).fetchall()
    for (publication,) in rows:
        connection.execute(
            sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(sql.Identifier(publication), table)
        )


def _role(grantee: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)


def _aside(name: str) -> str:
    return f"replaced_{name}"
