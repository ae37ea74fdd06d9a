"""Events that take a route: how they end without a handler, and what the ledger says of it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from pipeline.domain.delivery import DeliveryChannel, delivery_id
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end
from pipeline.domain.record import RecordKey
from pipeline.reactions.route import Route, RouteTo


def route_of(
    route_id: int | None, to: str | None, target: str | None, endpoint: str | None
) -> Route | None:
    """Return the route in the last columns of ``read_events.sql``."""
    if route_id is None or to is None:
        return None
    return Route(id=route_id, to=RouteTo(to), target=target, endpoint=endpoint)


def routed(settlement: Settlement, route: Route | None) -> Settlement:
    """Return the settlement with the route, which the ledger stores."""
    if route is None:
        return settlement
    return replace(settlement, values={**settlement.values, "route": str(route)})


def sent(lease: Lease, route: Route) -> Settlement:
    """Return how an event ends that goes to nobody or to an endpoint: done."""
    done = end(lease, WorkState.DONE, Cause(reason=str(route)))
    if route.to is RouteTo.WEBHOOK:
        done = replace(done, values={"effects": [_delivery(lease, route)]})
    return routed(done, route)


def _delivery(lease: Lease, route: Route) -> dict[str, Any]:
    """Return the delivery as the statement that writes effects expects it."""
    event_id: UUID = lease.values["event_id"]
    cause = RecordKey("events", str(event_id))
    return {
        "kind": "WebhookDelivery",
        "id": delivery_id(cause, DeliveryChannel.WEBHOOK, route.endpoint or ""),
        "body": {"endpoint_id": route.endpoint, "event_type": lease.values["event_type"]},
    }
