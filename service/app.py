"""The application: every route, closed unless it is listed as open."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from pipeline import __version__
from service.answers.described import with_attributes, with_examples, with_security
from service.databases import for_requests
from service.errors import add_error_handlers
from service.identity.audit import FinishAudit
from service.identity.door import Door
from service.identity.needs import guard, refusal_of
from service.identity.proof import FailedProofs
from service.identity.recognisers import recognisers
from service.limits.crowd import Crowd
from service.limits.open_paths import OpenPaths
from service.limits.size import Sizes
from service.observe.observer import Observer
from service.observe.requests import CountRequests
from service.routes import (
    dead_letters,
    description,
    events,
    health,
    jobs,
    me,
    metrics,
    reactions,
    ready,
    replays,
    state,
    switches,
    unsubscribe,
    webhooks,
    why,
)
from service.running import RunningReplays
from service.settings import BODY_BYTES, ServiceSettings

# Only what says nothing about anybody.
OPEN: Final = (health.router, ready.router)
# Whoever asks proves with a signature what they may do: nothing else, and no caller is needed.
SIGNED: Final = (unsubscribe.router, webhooks.router)
# Needs a caller who may read; one who may operate for whatever is not a GET, and an audit row.
CLOSED: Final = (
    events.router,
    why.router,
    dead_letters.router,
    replays.router,
    jobs.router,
    switches.router,
    reactions.router,
    state.router,
    me.router,
    metrics.router,
    description.router,
)


class Application(FastAPI):
    """The application, which describes itself with what its models say of their attributes."""

    def openapi(self) -> dict[str, Any]:
        """Return the description of every route."""
        if self.openapi_schema is None:
            described = with_attributes(with_examples(super().openapi()))
            self.openapi_schema = with_security(described, _paths(OPEN))
        return self.openapi_schema


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    replays = app.state.replays = RunningReplays()
    yield
    await run_in_threadpool(replays.join)
    app.state.observer.close()


def build_app(settings: ServiceSettings) -> "Application":
    """Make the application for some settings."""
    observer = Observer(settings)
    app = Application(
        title="Fanout",
        version=__version__,
        summary="Ask what became of an event, and operate the pipeline.",
        # A route of ours, behind the door.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
    )
    app.state.settings = settings
    app.state.observer = observer
    app.state.failed_proofs = FailedProofs(settings)
    add_error_handlers(app, refusal_of)
    for router in (*OPEN, *SIGNED):
        app.include_router(router)
    for router in CLOSED:
        app.include_router(router, dependencies=[Depends(guard)])
    # The last one that is added is the first one that a request meets.
    open_paths = _paths(OPEN)
    limits = settings.limits
    app.add_middleware(FinishAudit, database=for_requests(settings.operator))
    app.add_middleware(Crowd, at_once=limits.at_once, waiting=limits.waiting, open_paths=open_paths)
    app.add_middleware(
        Door,
        open_paths=OpenPaths(_paths((*OPEN, *SIGNED))),
        recognisers=recognisers(settings),
        limits=limits,
        told_more=_paths(OPEN),
        when_unsure={path: metrics.InOutage(observer) for path in _paths([metrics.router])},
    )
    # A body that does not say its length is counted.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=BODY_BYTES)
    app.add_middleware(Sizes)
    app.add_middleware(CountRequests, metrics=observer.requests)
    _build_routes(app)
    return app


def _build_routes(app: FastAPI) -> None:
    # FastAPI would build a router at its first request. That one would wait for it, and the filter
    # of warnings that FastAPI sets meanwhile is the whole process's.
    for _ in iter_route_contexts(app.routes):
        pass


def _paths(routers: Iterable[APIRouter]) -> set[str]:
    return {
        route.path for router in routers for route in router.routes if isinstance(route, APIRoute)
    }
