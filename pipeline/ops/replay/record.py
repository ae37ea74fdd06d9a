"""Writes the record of a replay to ``fanout_replays``: who, which events, and how many."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import EventId
from pipeline.settings import DatabaseSettings

_BEGIN: Final = load("pipeline.ops.replay", "begin_replay")
_END: Final = load("pipeline.ops.replay", "end_replay")
_EXEMPT: Final = load("pipeline.ops.replay", "exempt_from_age")

PAGE_SIZE: Final = 5_000


def begin(
    database: DatabaseSettings,
    replay: UUID,
    *,
    selector: Mapping[str, Any],
    note: str | None,
    planned: int,
) -> None:
    """Record that a replay starts.

    Raises:
        ConfigurationError: this user may not replay.
    """
    parameters = {
        "id": replay,
        "selector": orjson.dumps(selector).decode(),
        "note": note,
        "planned": planned,
    }
    with_connection(database, lambda connection: _execute(connection, _BEGIN, parameters))


def exempt(database: DatabaseSettings, replay: UUID, ids: Sequence[EventId | UUID]) -> None:
    """Record that the age limit does not apply to these events. Call this before publishing.

    Raises:
        ConfigurationError: this user may not replay.
    """
    for start in range(0, len(ids), PAGE_SIZE):
        parameters = {"replay": replay, "ids": list(ids[start : start + PAGE_SIZE])}
        with_connection(database, partial(_execute, statement=_EXEMPT, parameters=parameters))


def end(database: DatabaseSettings, replay: UUID, *, published: int, result: str) -> None:
    """Record the end of a replay."""
    parameters = {"id": replay, "published": published, "result": result}
    with_connection(database, lambda connection: _execute(connection, _END, parameters))


def _execute(connection: Connection[Any], statement: bytes, parameters: dict[str, Any]) -> None:
    try:
        connection.execute(statement, parameters)
    except psycopg.errors.InsufficientPrivilege:
        raise ConfigurationError(
            "this user may not replay: connect as a member of fanout_operator"
        ) from None
