"""Classifies errors of Postgres and psycopg: of the work, the connection or the configuration."""

import re
from datetime import timedelta
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from pipeline.clients.postgres import application_jobs as application
from pipeline.domain.errors import (
    ConfigurationError,
    FanoutError,
    RejectedByDatabase,
    StatementTimeout,
    TransientError,
    UnusableValue,
)

# SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ABOUT_THE_ROWS: Final = {
    "09": "a trigger refused a row",
    "0A": "a value is beyond what Postgres can compute",
    "21": "a row appears more often than it may",
    "22": "a value does not fit its column",
    "23": "a constraint forbids a row",
    "27": "a trigger changed a row that was being changed",
    "38": "a function refused a row",
    "39": "a function refused a row",
    "42": "a row security policy forbids a row",
    "44": "a view forbids a row",
    "54": "a row exceeds a limit of the server",
    "P0": "a trigger refused a row",
}
# Only some errors of these two classes are about rows: see _is_about_the_rows.
_SOMETIMES_ABOUT_THE_ROWS: Final = frozenset({"0A", "42"})
_TRANSIENT: Final = {
    "08": "the connection was lost",
    "0A": "a table was changed: earlier prepared statements are invalid",
    "24": "the session is in an unexpected state",
    "25": "the session is in an unexpected state",
    "26": "the session is in an unexpected state",
    "34": "the session is in an unexpected state",
    "3B": "the session is in an unexpected state",
    "40": "the transaction conflicted with another one",
    "42": "the session is in an unexpected state",
    "53": "the server lacks a resource",
    "54": "the server accepts no writes until it is vacuumed",
    "55": "an object is in use",
    "57": "the server ended the statement",
    "58": "the server had a system error",
    "72": "the server removed old row versions that the statement needs",
    "25006": "the server accepts no writes: a standby, or default_transaction_read_only is on",
    "25P03": "the server ended the session: it was idle within a transaction",
    "25P04": "the server ended the session: its transaction took too long",
    "53100": "the disk of the database is full: free some of it, or enlarge it",
    "53200": "the server is out of memory",
    "53300": "the server has no free connection",
    "55P03": "a lock was not free in time",
    "57014": "a person or a program cancelled the statement",
    "57P01": "the server ended the session: an administrator, or a shutdown",
    "57P04": "the database was dropped",
    "57P05": "the server ended the session: it was idle",
}
_DOCTOR: Final = "see: python -m pipeline doctor"
_FIXES: Final = {
    "28": "check the role and password of DATABASE_URL",
    "3D": "create the database, or correct DATABASE_URL",
    "42501": _DOCTOR,
}
_MIGRATE: Final = "run: python -m pipeline migrate"

# The connection is broken or in a wrong state: no work on it will succeed.
_BROKEN: Final = frozenset({"42P05"})
_BROKEN_CLASSES: Final = frozenset({"08", "24", "25", "26", "34", "3B"})
# Other errors of class 57 end only a statement.
_ENDED_SESSION: Final = "57P"
_STALE_PLAN: Final = ("RevalidateCachedQuery", "cached plan must not change result type")
# Postgres names the source file of each error. These files compute with values, in any class.
_VALUE_FILES: Final = re.compile(
    r"(?:^|/)(?:array\w*|cash|date|datetime|float|formatting|int8?|interval|json\w*|like\w*|numeric"
    r"|numutils|rangetypes|regexp|timestamp|uuid|varlena|xml)\.c$"
)
# The error of PgBouncer with pool_mode=statement.
_NO_TRANSACTIONS: Final = "statement pooling mode"
_POLICY_CHECK: Final = "ExecWithCheckOptions"
_OUT_OF_TRANSACTIONS: Final = re.compile(r"(?:^|/)(?:varsup|multixact)\.c$")
_RAISED: Final = "exec_stmt_raise"
# In the context of an error, in any language of the server.
_FUNCTION: Final = re.compile(r'(?:PL/\w+\W\w+ "?|PL/\w+ |SQL\W\w+ ")([\w.$]+)["(]')
_LOCKED: Final = re.compile(r'relation "([^"]+)"')
_QUOTED_NAME: Final = re.compile(r'["«„]\s?([^"«»„“]+?)\s?["»“]')
_WITHOUT_NAME: Final = "inline_code_block"


def classify(error: psycopg.Error, *, limit: timedelta | None = None) -> FanoutError:
    """Turn an error of psycopg into one of ours.

    The server's own text is left out of errors about rows, since it quotes their values.

    Args:
        error: an error that psycopg raised while it was connected.
        limit: the timeout of the statement, for the text.
    """
    state = error.sqlstate
    if state is None:
        return _client_side(error)
    group = state[:2]
    if _NO_TRANSACTIONS in (error.diag.message_primary or ""):
        return ConfigurationError(
            "the pooler in DATABASE_URL does not support transactions:"
            " set pool_mode to transaction or session"
        )
    function = _function(error)
    if _is_about_the_rows(error, group):
        return RejectedByDatabase(_about_the_rows(error, group), sqlstate=state)
    if belongs_to_connection(error) or _is_transient(error, group):
        return _transient(error, state, limit)
    if function is not None:
        # Our login has the rights and the schema, so code of the application failed.
        words = f"a trigger or function of the application failed{_in(function)}"
        return RejectedByDatabase(words, sqlstate=state)
    # The primary text of these errors names objects, not values.
    text = error.diag.message_primary or type(error).__name__
    return ConfigurationError(f"Postgres refuses: {text} (SQLSTATE {state}); {_fix(error, state)}")


def belongs_to_connection(error: psycopg.Error) -> bool:
    """Whether no work can succeed on this connection, but the same work may on another."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    if state[:2] == "0A":
        function, words = _STALE_PLAN
        diag = error.diag
        return diag.source_function == function or words in (diag.message_primary or "")
    return state in _BROKEN or state[:2] in _BROKEN_CLASSES or state.startswith(_ENDED_SESSION)


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection was lost while the server may still run a statement."""
    return (
        error.sqlstate is None
        and isinstance(error, psycopg.OperationalError)
        and not isinstance(error, PoolTimeout)
    )


def _client_side(error: psycopg.Error) -> FanoutError:
    """Classify an error that the server did not report."""
    if isinstance(error, PoolTimeout):
        return TransientError("Postgres cannot be reached: no connection was free in time")
    if isinstance(error, psycopg.OperationalError):
        return TransientError(f"Postgres cannot be reached ({type(error).__name__})")
    # The text of the error quotes the value.
    return UnusableValue(f"psycopg cannot read or write a value ({type(error).__name__})")


def _is_about_the_rows(error: psycopg.Error, group: str) -> bool:
    diag = error.diag
    if group == "0A":
        return bool(_VALUE_FILES.search(diag.source_file or ""))
    if group == "42":
        return diag.source_function == _POLICY_CHECK
    return group in _ABOUT_THE_ROWS and not _is_out_of_transactions(error)


def _is_transient(error: psycopg.Error, group: str) -> bool:
    if group in _SOMETIMES_ABOUT_THE_ROWS:
        return False
    return group in _TRANSIENT and (group != "54" or _is_out_of_transactions(error))


def _is_out_of_transactions(error: psycopg.Error) -> bool:
    # It is in the class of limits, but no event exceeds this one.
    return bool(_OUT_OF_TRANSACTIONS.search(error.diag.source_file or ""))


def _transient(error: psycopg.Error, state: str, limit: timedelta | None) -> TransientError:
    if state == "57014" and "user request" not in (error.diag.message_primary or ""):
        within = f"{limit.total_seconds():g} s" if limit else "its timeout"
        return StatementTimeout(f"a statement took longer than {within} (SQLSTATE {state})")
    words = _TRANSIENT.get(state) or _TRANSIENT[state[:2]]
    locked = _LOCKED.search(error.diag.context or "") if state == "55P03" else None
    where = f": table {locked[1]}" if locked else ""
    return TransientError(f"{words}{where} (SQLSTATE {state})")


def _about_the_rows(error: psycopg.Error, group: str) -> str:
    diag = error.diag
    named = (
        ("constraint", diag.constraint_name),
        ("table", diag.table_name),
        ("column", diag.column_name),
    )
    where = ", ".join(f"{what} {name}" for what, name in named if name)
    if where:
        return f"{_ABOUT_THE_ROWS[group]}: {where}"
    return f"{_ABOUT_THE_ROWS[group]}{_in(_function(error) or '')}"


def _fix(error: psycopg.Error, state: str) -> str:
    missing = _QUOTED_NAME.findall(error.diag.message_primary or "")
    if state == "42P01":
        return _fix_of_table((missing or [""])[0])
    if state == "42703":
        # An alias before it is not quoted: column person.full_name does not exist.
        words = re.findall(r"\w+\.(\w+)", error.diag.message_primary or "")
        return _fix_of_column((missing or words or [""])[0])
    return _FIXES.get(state) or _FIXES.get(state[:2]) or "this is a bug, or the schema is wrong"


def _fix_of_table(name: str) -> str:
    if name.rpartition(".")[2] in application.ALL_TABLES:
        return f"it belongs to the application; {_DOCTOR}"
    return _MIGRATE


def _fix_of_column(name: str) -> str:
    if name in application.SHARED_COLUMNS:
        return f"{_MIGRATE}; if that changes nothing, it belongs to the application"
    if name in application.ALL_COLUMNS:
        return f"it belongs to the application; {_DOCTOR}"
    return _MIGRATE


def _function(error: psycopg.Error) -> str | None:
    """Return the database function in which the error occurred; empty if it has no name."""
    context = error.diag.context or ""
    found = _FUNCTION.search(context)
    if found:
        return found[1] if found[1] != _WITHOUT_NAME else ""
    return "" if "PL/" in context or error.diag.source_function == _RAISED else None


def _in(function: str) -> str:
    return f": function {function}" if function else ""
