"""Which people may read and operate, by their addresses."""

from collections.abc import Collection

from service.identity.caller import Caller, Means, Scope


class People:
    """The addresses and domains that have scopes. Whoever is not in a list has none.

    Args:
        operators: addresses, or domains as ``@example.com``: they may read and operate.
        viewers: likewise: they may read.
    """

    def __init__(self, operators: Collection[str], viewers: Collection[str]) -> None:
        self._operators = frozenset(map(str.lower, operators))
        self._viewers = frozenset(map(str.lower, viewers))

    def caller(self, address: str, means: Means) -> Caller:
        """Return the person with an address that was proven. They may have no scope."""
        name = address.lower()
        # An address has one "@" that counts, the last one.
        listed = {name, f"@{name.rpartition('@')[2]}"}
        scopes: frozenset[Scope] = frozenset()
        if listed & self._operators:
            scopes = frozenset({Scope.READ, Scope.OPERATE})
        elif listed & self._viewers:
            scopes = frozenset({Scope.READ})
        return Caller(name=name, scopes=scopes, means=means)
