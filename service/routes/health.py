"""``/health``: the process is alive. Everyone may ask; a caller also sees how many events ended."""

import time
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from pipeline.domain.clock import utc_now
from service.answers.health import Health, HealthStats
from service.identity.stranger import may_read
from service.observe.observer import Observer, observer_of

router = APIRouter()


@router.head("/health", include_in_schema=False)
@router.get(
    "/health", operation_id="get_health", tags=["open"], summary="Whether the process is alive"
)
async def health(
    request: Request, response: Response, observer: Annotated[Observer, Depends(observer_of)]
) -> Health:
    """Answer 200 always; `/ready` looks at the database and the graphs.

    A stranger's answer takes no thread and no look at anything, so that it comes while all threads
    are busy. A caller with the scope `read` waits for `stats` for a second at most.
    """
    response.headers["Cache-Control"] = "no-store"
    stats = await _stats(observer) if may_read(request) else None
    return Health(
        timestamp=utc_now(), uptime=int(time.monotonic() - observer.started_at), stats=stats
    )


async def _stats(observer: Observer) -> HealthStats | None:
    seen = await observer.totals()
    if seen is None or seen.value is None:
        return None
    return HealthStats.of(seen.value, utc_now() - timedelta(seconds=seen.age))
