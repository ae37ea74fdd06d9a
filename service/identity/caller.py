"""A caller who was recognised, and the scopes that say what they may do."""

from dataclasses import dataclass
from enum import StrEnum

# Short here, where no other scope is meant.
from pipeline.domain.scope import CallerScope as Scope

__all__ = ["Caller", "Means", "Scope"]


class Means(StrEnum):
    """How a caller was recognised."""

    TOKEN = "token"  # noqa: S105 - the word, not a token
    IAP = "iap"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: the name of a token, or the address of a person.
        scopes: what they may do.
        means: how they were recognised.
    """

    name: str
    scopes: frozenset[Scope]
    means: Means
