"""Loads statements. They are in ``.sql`` files beside the code that runs them."""

import re
from importlib.resources import files


def load(package: str, name: str) -> bytes:
    """Return the statement in ``sql/<name>.sql`` of a package."""
    return files(package).joinpath("sql", f"{name}.sql").read_bytes()


def without(statement: bytes, part: str) -> bytes:
    """Return a statement without what is between ``-- PART: begin`` and ``-- PART: end``.

    Such a part is about tables that a database may not have. It may occur several times.
    """
    name = re.escape(part.encode())
    return re.sub(
        rb"^ *-- %b: begin\n.*?^ *-- %b: end\n" % (name, name), b"", statement, flags=re.S | re.M
    )
