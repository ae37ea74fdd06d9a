"""Erases what the pipeline holds of a person, table by table, in small transactions."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load, without
from pipeline.settings import DatabaseSettings

PAGE_SIZE: Final = 5_000

# The tables in which we hold something of a person, and the statement that erases a page of each.
_STATEMENTS: Final = {
    "public.notification_decisions": "forget_decisions",
    "public.event_dead_letters": "forget_letters",
    "public.notification_processing": "forget_told",
    "fanout.meeting_reminders": "forget_reminders",
    "fanout.thread_nudges": "forget_thread_nudges",
    "fanout.resume_nudges": "forget_resume_nudges",
    "fanout.provider_reports": "forget_reports",
    # Before the deliveries: nothing more goes to a device of theirs.
    "fanout.device_tokens": "forget_devices",
    "fanout.deliveries": "forget_deliveries",
}
_THERE: Final = load(__package__, "tables_there")
_BEGIN: Final = load(__package__, "begin_erasure")
_END: Final = load(__package__, "end_erasure")
_BEGIN_AUDITED: Final = load(__package__, "begin_audited_erasure")
_END_AUDITED: Final = load(__package__, "end_audited_erasure")
# Comes with the fan-out, and so with the tables of an application.
_ERASURES: Final = "fanout.erasures"
_LEFT: Final = load(__package__, "left_to_application")
_LEFT_IN_ACTIVITY: Final = load(__package__, "left_in_activity")
_ACTIVITY: Final = "activity.notifications"
_LEFT_IN_REACTIONS: Final = load("pipeline.ops.reactions", "left_in_reactions")
_REACTIONS: Final = "fanout.reactions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """The result of an erasure, or of a dry run.

    Attributes:
        erasure: the row that records it; None in a dry run.
        recorded_in: the table of that row: fanout.audit in a database without the fan-out.
        person_sha256: the hash of the person's id that the row has.
        rows: how many rows were, or would be, deleted or emptied, by table.
        left: how many rows of the person the application has to delete itself, by table. Without
            the fan-out, the only tables of an application that we know are activity.notifications
            and those of reactions.
    """

    erasure: UUID | None
    recorded_in: str
    person_sha256: str
    rows: Mapping[str, int]
    left: Mapping[str, int]


def forget(settings: DatabaseSettings, user: UUID, *, dry_run: bool = False) -> Forgotten:
    """Erase what the pipeline holds of a person. Harmless when repeated, or killed and repeated.

    The counts in the ledger stay: they name nobody. The rows of the application stay, too.

    Args:
        settings: the database, with the login of an operator.
        user: the person's id. It needs no profile: often that is deleted first.
        dry_run: only count.

    Raises:
        TransientError: the database does not answer now.
        ConfigurationError: this user may not erase, or the database was never migrated.
    """
    check_database(settings)
    person = hashlib.sha256(str(user).encode()).hexdigest()
    asked = {"tables": [_ERASURES, _ACTIVITY, _REACTIONS, *_STATEMENTS]}
    there = {name for (name,) in _all(settings, _THERE, asked)}
    has_fanout = _ERASURES in there
    begin, end = (_BEGIN, _END) if has_fanout else (_BEGIN_AUDITED, _END_AUDITED)
    erasure = None if dry_run else _one(settings, begin, {"person_sha256": person})[0]
    rows = {}
    for table, name in _STATEMENTS.items():
        if table in there:
            loaded = load(__package__, name)
            statement = loaded if has_fanout else without(loaded, "fanout")
            rows[table.removeprefix("public.")] = _erase(settings, statement, user, dry_run=dry_run)
    if erasure is not None:
        parameters = {"erasure": erasure, "rows": orjson.dumps(rows).decode()}
        with_connection(settings, lambda connection: connection.execute(end, parameters))
    left = dict(_all(settings, _LEFT, {"user": user})) if has_fanout else {}
    if _ACTIVITY in there:
        left |= dict(_all(settings, _LEFT_IN_ACTIVITY, {"user": user}))
    if _REACTIONS in there:
        left |= dict(_all(settings, _LEFT_IN_REACTIONS, {"user": user}))
    return Forgotten(
        erasure=erasure,
        recorded_in=_ERASURES if has_fanout else "fanout.audit",
        person_sha256=person,
        rows=rows,
        left=left,
    )


def _erase(settings: DatabaseSettings, statement: bytes, user: UUID, *, dry_run: bool) -> int:
    rows, after = 0, None
    while True:
        page = {"user": user, "after": after, "most": PAGE_SIZE, "dry_run": dry_run}
        changed, after = _one(settings, statement, page)
        rows += int(changed)
        if after is None:
            return rows


def _one(
    settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]
) -> tuple[Any, ...]:
    (row,) = _all(settings, statement, parameters)
    return row


def _all(
    settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    def execute(connection: Connection[Any]) -> list[tuple[Any, ...]]:
        return connection.execute(statement, parameters).fetchall()

    return with_connection(settings, execute)
