"""Loads statements. They are in ``.sql`` files beside the code that runs them."""

import re
from importlib.resources import files
from typing import Final

_BEGIN: Final = re.compile(rb"^ *-- only (\w+): begin\n", re.MULTILINE)


def load(package: str, name: str, only: str | None = None) -> bytes:
    """Return the statement in ``sql/<name>.sql`` of a package.

    Args:
        package: with a folder ``sql``.
        name: of the file.
        only: which of its alternatives, if the file has any: what is between
            ``-- only NAME: begin`` and ``-- only NAME: end``. So statements that differ in a few
            places are one file.

    Raises:
        ValueError: the file has alternatives, and this is none of them.
    """
    statement = files(package).joinpath("sql", f"{name}.sql").read_bytes()
    names = alternatives(statement)
    is_known = only in names if names else only is None
    if not is_known:
        raise ValueError(f"invalid alternative {only!r} of {name}.sql: expected one of {names}")
    for each in names:
        if each != only:
            statement = without(statement, f"only {each}")
    return statement


def alternatives(statement: bytes) -> list[str]:
    """Return the names of the alternatives of a statement; none if it has none."""
    return sorted({name.decode() for name in _BEGIN.findall(statement)})


def without(statement: bytes, part: str) -> bytes:
    """Return a statement without what is between ``-- PART: begin`` and ``-- PART: end``.

    Such a part is about tables that a database may not have. It may occur several times.
    """
    name = re.escape(part.encode())
    return re.sub(
        rb"^ *-- %b: begin\n.*?^ *-- %b: end\n" % (name, name), b"", statement, flags=re.S | re.M
    )
