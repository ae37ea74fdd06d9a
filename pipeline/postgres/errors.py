"""Which of the three classes an error of Postgres belongs to."""

from typing import Final

import psycopg

from pipeline.domain.errors import (
    ConfigurationError,
    FanoutError,
    RejectedByDatabase,
    StatementTimeout,
    TransientError,
)

_QUERY_CANCELED: Final = "57014"
# SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ABOUT_THE_ROWS: Final = {
    "22": "a value does not fit its column",
    "23": "a constraint forbids a row",
    "44": "a view forbids a row",
    "54": "a row exceeds a limit of the server",
    "P0": "a trigger refused a row",
}
_WILL_PASS: Final = {
    "08": "the connection was lost",
    "25": "the server takes no writes",
    "40": "the transaction gave way to another",
    "53": "the server is out of a resource",
    "55": "an object is in use",
    "57": "the server ended the statement",
    "58": "the server met a system error",
}
_MENDS: Final = {
    "28": "check the role and password of DATABASE_URL",
    "3D": "create the database, or correct DATABASE_URL",
    "42501": "run and catch-up need a login in fanout_writer, all else one in fanout_operator",
    "42703": "run: python -m pipeline migrate",
    "42P01": "run: python -m pipeline migrate",
}


def classify(error: psycopg.Error) -> FanoutError:
    """Turn an error of psycopg into one of ours.

    The server's own text is left out of errors about rows, since it quotes their values.
    """
    state = error.sqlstate
    if state is None:
        return TransientError(f"Postgres cannot be reached ({type(error).__name__})")
    group = state[:2]
    if group in _ABOUT_THE_ROWS:
        return RejectedByDatabase(_about_the_rows(error, group), sqlstate=state)
    if state == _QUERY_CANCELED:
        return StatementTimeout(f"{_WILL_PASS[group]} (SQLSTATE {state})")
    if group in _WILL_PASS:
        return TransientError(f"{_WILL_PASS[group]} (SQLSTATE {state})")
    mend = _MENDS.get(state) or _MENDS.get(group) or "this is a bug or a wrong schema"
    # Of errors in this group the primary text names objects, not values.
    text = error.diag.message_primary or type(error).__name__
    return ConfigurationError(f"Postgres refuses: {text} (SQLSTATE {state}); {mend}")


def _about_the_rows(error: psycopg.Error, group: str) -> str:
    named = (
        ("constraint", error.diag.constraint_name),
        ("table", error.diag.table_name),
        ("column", error.diag.column_name),
    )
    where = ", ".join(f"{what} {name}" for what, name in named if name)
    return f"{_ABOUT_THE_ROWS[group]}: {where}" if where else _ABOUT_THE_ROWS[group]
