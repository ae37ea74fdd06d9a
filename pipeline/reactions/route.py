"""Routes: where the events of a type go that fulfil a condition, in place of their handler."""

from dataclasses import dataclass
from enum import StrEnum


class RouteTo(StrEnum):
    """The kinds of targets of a route."""

    HANDLER = "handler"
    NOBODY = "nobody"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The route that an event takes: the first one of its type whose condition it fulfils.

    Attributes:
        id: of the route.
        to: the kind of its target.
        target: the event type of the handler, or the name of the endpoint; None for nobody.
        endpoint: the id of the endpoint of a webhook, as text.
    """

    id: int
    to: RouteTo
    target: str | None = None
    endpoint: str | None = None

    def __str__(self) -> str:
        """Return it in words, for the ledger."""
        where = {
            RouteTo.HANDLER: f"to the handler {self.target}",
            RouteTo.NOBODY: "to nobody",
            RouteTo.WEBHOOK: f"to the webhook endpoint {self.target}",
        }
        return f"route {self.id}: {where[self.to]}"
