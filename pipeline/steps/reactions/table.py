"""The ledger of reactions as a leased table. A settlement also writes what follows from events."""

from dataclasses import replace
from typing import Final

from psycopg import sql

from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.sql import load

# Reads ended: only the events whose lease was still valid. So a worker whose lease was taken over
# writes nothing, and all that follows from an event is written together with its state.
_THEN: Final = sql.SQL(load(__package__, "write_reactions").decode())
# Locks the rows of sagas that move, and finds the events that saw them otherwise.
_FIRST: Final = sql.SQL(load(__package__, "move_sagas").decode())

# What an event led to, and the route that it took, for those who ask why.
_SETTLED: Final = sql.SQL(""",
        route = given.route,
        effects = (
            SELECT jsonb_agg(jsonb_build_array(each -> 'kind', each -> 'id') ORDER BY place)
            FROM jsonb_array_elements(given.effects) WITH ORDINALITY AS effect (each, place)
        )""")
# What its type or an event with the same key holds back. Whose lease has ended goes first.
HELD_BY_ITS_KEY: Final = sql.SQL(load(__package__, "held_by_its_key").decode())
_BY_ITS_TYPE: Final = sql.SQL(load(__package__, "held_by_its_type").decode())
# What was lost twice in a row is claimed alone.
_IS_SUSPECT: Final = sql.SQL(load(__package__, "is_suspect").decode())
_A_SUSPECT_IS_LEASED: Final = sql.SQL(load(__package__, "a_suspect_is_leased").decode())

REACTIONS: Final = LeasedTable(
    name="reactions",
    source="events",
    record_id=sql.SQL("record.event_id::text"),
    values=("event_id", "event_type", "depth", "losses"),
    switch="event_type",
    unless=sql.SQL(" OR ").join([_IS_SUSPECT, _BY_ITS_TYPE, HELD_BY_ITS_KEY]),
    counts_losses=True,
    given={
        "effects": "jsonb",
        "moves": "jsonb",
        "route": "text",
        "letter": "jsonb",
        "closes": "boolean",
    },
    settled=_SETTLED,
    returned=("event_id", "event_type", "depth", "sequence", "replayed_at"),
    first=_FIRST,
    then=_THEN,
)
# The event with which a type is tried whose breaker has cooled off.
REACTIONS_ON_TRIAL: Final = replace(REACTIONS, unless=HELD_BY_ITS_KEY)
# The events whose last workers ended while they had them.
SUSPECTS: Final = replace(
    REACTIONS,
    unless=sql.SQL(" OR ").join(
        [
            sql.SQL("NOT ({})").format(_IS_SUSPECT),
            _A_SUSPECT_IS_LEASED,
            _BY_ITS_TYPE,
            HELD_BY_ITS_KEY,
        ]
    ),
)
