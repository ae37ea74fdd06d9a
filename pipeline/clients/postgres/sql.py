"""Loads statements. They are in ``.sql`` files beside the code that runs them."""

from importlib.resources import files


def load(package: str, name: str) -> bytes:
    """Return the statement in ``sql/<name>.sql`` of a package."""
    return files(package).joinpath("sql", f"{name}.sql").read_bytes()
