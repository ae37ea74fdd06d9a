"""``/metrics``: for a scraper of Prometheus."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.types import Receive, Scope, Send

from service.answers.described import errors
from service.errors import RETRY_SECONDS, error_response
from service.observe.observer import Observer, Readings, observer_of

router = APIRouter()

RECENT_SECONDS: Final = 0.5


class InOutage:
    """What a scraper is told while the database cannot say whose token it sends: that it is away.

    Nothing that ``/ready`` does not tell a stranger.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        # The look-up of the token has waited for longer than this before it gave up.
        ready = await self._observer.readiness(oldest=RECENT_SECONDS)
        if "database" in ready.reasons:
            down = generate_latest(Readings(ready, None))
            response = Response(down, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
        else:
            response = error_response(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the token cannot be recognised now; try again",
                {"Retry-After": str(RETRY_SECONDS)},
            )
        await response(scope, receive, send)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    tags=["state"],
    summary="Figures of the ledger, the graphs, capture and this process, for Prometheus",
    response_class=Response,
    responses={**errors(), 200: {"content": {"text/plain": {}}}},
)
async def metrics(
    observer: Annotated[Observer, Depends(observer_of)],
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Return all metrics. While the database does not answer: ``fanout_up 0``, and the process."""
    content, content_type = await observer.exposition(accept)
    return Response(content, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
