"""The application: every route, closed unless it is listed as open."""

from fastapi import FastAPI

from pipeline import __version__
from service.errors import ErrorBody, add_error_handlers
from service.routes import health
from service.settings import ServiceSettings

# Only what says nothing about anybody.
OPEN = (health.router,)


def build_app(settings: ServiceSettings) -> FastAPI:
    """Make the application for some settings."""
    app = FastAPI(
        title="Fanout",
        version=__version__,
        summary="Ask what became of an event, and operate the pipeline.",
        docs_url=None,
        redoc_url=None,
        responses={422: {"model": ErrorBody}},
    )
    app.state.settings = settings
    add_error_handlers(app)
    for router in OPEN:
        app.include_router(router)
    return app
