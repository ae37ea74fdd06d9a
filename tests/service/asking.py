"""What tests of the service need: tokens, and every route of the application."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from pipeline.ops.tokens.change import create_token
from pipeline.settings import DatabaseSettings
from service.app import build_app
from service.identity.caller import Scope
from service.identity.needs import guard
from service.settings import ServiceSettings
from tests.databases import Database

SAFE: Final = frozenset({"GET", "HEAD"})
_PARAMETER: Final = re.compile(r"{[^}]*}")


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the application, with one of its methods.

    Attributes:
        is_guarded: whether ``guard`` runs before it.
    """

    method: str
    template: str
    is_guarded: bool

    @property
    def path(self) -> str:
        """A path that the route serves."""
        return _PARAMETER.sub("1", self.template)


def routes(dsn: str = "postgresql://nobody@127.0.0.1:1/none") -> Iterator[Route]:
    """Yield every route of the application. Nothing connects to the database."""
    database = DatabaseSettings(dsn=dsn)
    app = build_app(ServiceSettings(operator=database, viewer=database))
    for each in iter_route_contexts(app.routes):
        for method in sorted(each.methods or ()):
            dependant = getattr(each, "dependant", None) if each.endpoint is not None else None
            yield Route(method, str(each.path), _is_guarded(dependant))


def _is_guarded(dependant: Dependant | None) -> bool:
    return dependant is not None and any(each.call is guard for each in dependant.dependencies)


def token(database: Database, name: str, *scopes: Scope) -> str:
    """Create a token and return it."""
    return create_token(DatabaseSettings(dsn=database.operator_dsn), name, scopes).token


def bearer(secret: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {secret}"}
