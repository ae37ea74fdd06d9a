"""A caller who was recognised, and the scopes that say what they may do."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a caller may do. Each includes no other."""

    READ = "read"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: the name of a token, or the address of a person.
        scopes: what they may do.
    """

    name: str
    scopes: frozenset[Scope]
