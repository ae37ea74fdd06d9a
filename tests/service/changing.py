"""The service with routes more, as a program: what the audit and the limits are tried with."""

import os
import time
from typing import Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, HTTPException

from pipeline.commands.command import say
from pipeline.settings import DatabaseSettings
from service.app import build_app
from service.identity.caller import Caller, Scope
from service.identity.needs import Audited, guard, needs
from service.server import serve_app
from service.settings import Limits, ServiceSettings

LARGE: Final = 12_000_000
MARKER: Final = "kanarienvogel"

router: Final = APIRouter(prefix="/v1")


@router.post("/things/{thing_id}")
def change(thing_id: int, audit: Audited, caller: Annotated[Caller, needs(Scope.OPERATE)]) -> str:
    """Change a thing. The thing 2 cannot be changed, and the thing 3 breaks."""
    if thing_id == 2:
        raise HTTPException(409)
    if thing_id == 3:
        raise ValueError(MARKER)
    audit.result = "changed it"
    return caller.name


@router.post("/texts")
def send(text: dict[str, str]) -> int:
    """Take a body."""
    return len(text)


@router.get("/large")
def large() -> str:
    """Answer more than the buffers of two sockets hold."""
    return "a" * LARGE


@router.get("/moments/{seconds}")
def wait(seconds: float) -> float:
    """Take a while."""
    time.sleep(seconds)
    return seconds


def changing_app(settings: ServiceSettings) -> FastAPI:
    """The application of the service, with these routes behind its door."""
    app = build_app(settings)
    app.include_router(router, dependencies=[Depends(guard)])
    return app


def main() -> None:
    """Serve with the limits in the environment, if they are there."""
    settings = ServiceSettings(
        port=0,
        operator=DatabaseSettings(dsn=os.environ["OPERATOR_DATABASE_URL"]),
        viewer=DatabaseSettings(dsn=os.environ["VIEWER_DATABASE_URL"]),
        limits=Limits(
            caller_rate=float(os.environ.get("CALLER_RATE", "1000")),
            address_rate=float(os.environ.get("ADDRESS_RATE", "1000")),
        ),
    )
    serve_app(changing_app(settings), settings, say)


if __name__ == "__main__":
    main()
