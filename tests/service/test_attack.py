"""Whatever the description allows or forbids is sent to the API: nothing breaks it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
import schemathesis
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from service.answers.described import answers
from service.identity.caller import Scope
from tests.databases import Databases
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import populate
from tests.service.api import application, upload
from tests.service.asking import bearer, token

# Whether these accept a request depends on more than a schema says: on an earlier page, on an
# earlier request with the same key, on two fields together.
DEPENDENT: Final = (
    "list_events",
    "list_replays",
    "list_runs",
    "plan_replay",
    "apply_replay",
    "run_job",
    "resolve_dead_letter",
    "process_event",
    "process_batch",
    "close_expired_requests",
)
ACCEPTED: Final = ["2xx", "401", "403", "404", "409", "429", "503"]
CONFIG: Final = {
    "seed": 20_260_302,
    "generation": {"max-examples": 5, "deterministic": True},
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ACCEPTED},
        # A service that is not ready, or has no topic, says so.
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
    },
    "operations": [
        {
            "include-operation-id": list(DEPENDENT),
            "checks": {"positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "422"]}},
        }
    ],
}
Case = schemathesis.Case[Any]
FREELY: Final = settings(derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve an application on this machine until the block ends; yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=30, what="the server has started")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True, slots=True)
class Target:
    """An API, and the headers of a caller with both scopes."""

    url: str
    headers: dict[str, str]


@pytest.fixture(scope="module")
def target(databases: Databases) -> Iterator[Target]:
    """The API over some events, one of which is dead."""
    with databases.migrated() as database:
        migrate(database.dsn, family=Family.REACTIONS)
        with database.connect() as connection:
            populate(connection)
        stage = Stage(database)
        events = [upload(stage), upload(stage, 1), upload(stage)]
        stage.deliver(*events[:2])
        headers = bearer(token(database, "x", Scope.READ, Scope.OPERATE))
        with listening(application(database)) as url:
            yield Target(url, headers)


def schema_of(app: FastAPI) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(
        app.openapi(), config=SchemathesisConfig.from_dict(CONFIG)
    )


SCHEMA: Final = schema_of(application(None))


@SCHEMA.parametrize()
@FREELY
def test_no_request_breaks_the_api(case: Case, target: Target) -> None:
    case.call_and_validate(base_url=target.url, headers=target.headers)


planted: Final = APIRouter(prefix="/v1")


@planted.get("/planted/{number}", responses=answers(1))
def break_down(number: int) -> int:
    """Break for numbers that few people would try."""
    if number < -100:
        raise ValueError("a bug")
    return number


@planted.get("/sound/{number}", responses=answers(1))
def answer_well(number: int) -> int:
    """Do nothing wrong."""
    return number


@pytest.mark.parametrize("name", ["planted", "sound"])
def test_control_a_bug_is_found_and_nothing_else(name: str) -> None:
    app = FastAPI()
    app.add_exception_handler(Exception, lambda *_: JSONResponse({}, 500))
    app.include_router(planted)
    operation = schema_of(app)[f"/v1/{name}/{{number}}"]["GET"]
    with listening(app) as url:

        @FREELY
        @given(case=operation.as_strategy())
        def attack(case: Case) -> None:
            case.call_and_validate(base_url=url)

        if name == "sound":
            attack()
        else:
            with pytest.raises(FailureGroup, match="Server error"):
                attack()
