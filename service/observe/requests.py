"""Counts requests and their durations, by the template of their route and by their status."""

import time
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# For a path that is not a route, or a request that was refused before its route was looked for.
NO_ROUTE: Final = "none"
# The client went before the answer began.
GONE: Final = "gone"
_BUCKETS: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 3.0, 10.0)
_FAILED: Final = "500"
# The time of creation of each series would double their number, and nothing reads it.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class RequestMetrics:
    """The counts of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "fanout_http_requests",
            "Requests, by the template of their route and the status of their answer.",
            ["route", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "fanout_http_request_seconds",
            "Seconds from a request to the end of its answer, by the template of its route.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def note(self, route: str, outcome: str, seconds: float) -> None:
        """Count a request that is over."""
        self._requests.labels(route, outcome).inc()
        self._seconds.labels(route).observe(seconds)


class CountRequests:
    """Counts every request, also those that no route answers. The outermost of its kind."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        outcome = GONE
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal outcome
            if message["type"] == "http.response.start":
                outcome = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            outcome = _FAILED
            raise
        finally:
            self._metrics.note(_template(scope), outcome, time.perf_counter() - started)


def _template(scope: Scope) -> str:
    """Return the method and the path of the route, without the values of its parameters.

    A method that the route does not have counts as such a path: a client can send any word.
    """
    route, method = scope.get("route"), scope["method"]
    path = getattr(route, "path_format", None)
    if path is None or method not in (getattr(route, "methods", None) or ()):
        return NO_ROUTE
    return f"{method} {path}"
