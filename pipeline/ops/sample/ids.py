"""The fixed ids of the sample, by name: the same in every database, and never a real id."""

from typing import Final
from uuid import NAMESPACE_DNS, UUID, uuid5

_NAMESPACE: Final = uuid5(NAMESPACE_DNS, "sample.fanout.example")


def organisation(key: str) -> UUID:
    """The id of a sample organisation."""
    return uuid5(_NAMESPACE, f"organisation/{key}")


def person(key: str) -> UUID:
    """The id of a sample person."""
    return uuid5(_NAMESPACE, f"person/{key}")


def project(key: str) -> UUID:
    """The id of a sample project."""
    return uuid5(_NAMESPACE, f"project/{key}")


def resource(key: str) -> UUID:
    """The id of a sample document or folder."""
    return uuid5(_NAMESPACE, f"resource/{key}")


def thread(key: str) -> UUID:
    """The id of a sample chat thread."""
    return uuid5(_NAMESPACE, f"thread/{key}")


def meeting(key: str) -> UUID:
    """The id of a sample meeting."""
    return uuid5(_NAMESPACE, f"meeting/{key}")


def preference(key: str) -> UUID:
    """The id of a sample preference."""
    return uuid5(_NAMESPACE, f"preference/{key}")
