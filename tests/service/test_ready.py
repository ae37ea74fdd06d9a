"""``/ready`` tells everyone whether it works, and a caller what does not; soon, and for little."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx2
import pytest
from fastapi import FastAPI

from pipeline.ops.ready.look import LOOK_SECONDS, Readiness
from pipeline.ops.tokens.secret import new_token
from pipeline.settings import CaptureNames, DatabaseSettings
from service.app import build_app
from service.identity.caller import Scope
from service.observe.observer import Observer, observer_of
from service.settings import ServiceSettings
from tests.databases import Database, Databases
from tests.deadline import wait_until
from tests.ops.examination import beat, slot
from tests.service.api import NOWHERE
from tests.service.asking import bearer, token
from tests.service.serving import Served, serving

PROBES: Final = 50
SEEN: Final = (
    "INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host)"
    " VALUES ('fanout', now(), now() + %s::interval, '0.2.0', 'worker-1')"
    " ON CONFLICT (graph) DO UPDATE SET last_seen_at = excluded.last_seen_at"
)


def graph_seen(database: Database, when: str) -> None:
    with database.connect() as connection:
        connection.execute(SEEN.encode(), [when])


@pytest.fixture(scope="module")
def database(databases: Databases) -> Iterator[Database]:
    """A database where everything works, for all tests of this file."""
    with databases.migrated() as database, slot(database):
        beat(database, "-1 hour")
        graph_seen(database, "1 hour")
        yield database


@pytest.fixture(scope="module")
def served(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service on it."""
    with serving(database.viewer_dsn, tmp_path_factory.mktemp("service") / "log") as served:
        yield served


def asked(served: Served, secret: str = "") -> tuple[int, Any]:
    answer = served.client.get("/ready", headers=bearer(secret) if secret else {})
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()


def is_not_ready(served: Served) -> bool:
    return asked(served)[0] == 503


def test_a_stranger_learns_whether_and_a_caller_why(served: Served, database: Database) -> None:
    reader, operator = token(database, "r", Scope.READ), token(database, "o", Scope.OPERATE)
    for stranger in ("", operator, new_token()):
        assert asked(served, stranger) == (200, {"status": "ready", "details": None})
    status, body = asked(served, reader)
    assert (status, body["status"]) == (200, "ready")
    assert list(body["details"]["parts"]) == [
        *(
            "database",
            "migrations",
            "slot",
            "heartbeat",
            "graphs",
            "job runs",
            "mails",
            "pushes",
            "events",
        )
    ]
    assert body["details"]["graph_silent_seconds"].keys() == {"fanout"}

    graph_seen(database, "-1 hour")
    wait_until(lambda: asked(served)[0] == 503, seconds=15, what="it is not ready")
    refused = {
        "error": "Service Unavailable",
        "message": "not ready",
        "status": "not ready",
        "reasons": None,
        "details": None,
    }
    for stranger in ("", operator, new_token()):
        assert asked(served, stranger) == (503, refused)
    status, body = asked(served, reader)
    assert (status, body["message"]) == (503, "not ready: graphs")
    assert "fanout has given no sign of life for 1.0 h" in body["reasons"]["graphs"]["seen"]
    assert "python -m pipeline run --graph fanout" in body["reasons"]["graphs"]["fix"]
    # The service itself can do its work.
    assert served.client.get("/ready/database").json() == {"status": "ready", "details": None}
    # For those who have no token while the database is away.
    assert "not ready: graphs: fanout has given no sign" in served.log.read_text()

    graph_seen(database, "1 hour")
    wait_until(lambda: asked(served)[0] == 200, seconds=15, what="it is ready again")


def test_many_probes_cost_one_connection(served: Served, database: Database) -> None:
    with ThreadPoolExecutor(PROBES) as probes:
        answers = list(probes.map(served.client.get, ["/ready"] * PROBES))
    assert [each.status_code for each in answers] == [200] * PROBES
    with database.connect() as connection:
        sessions = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'fanout-ready' AND datname = current_database()"
        ).fetchone()
    assert sessions == (1,)


def test_two_services_answer_for_the_same_installation(
    served: Served, database: Database, tmp_path: Path
) -> None:
    with serving(database.viewer_dsn, tmp_path / "second") as second:
        assert asked(served)[0] == asked(second)[0] == 200
        graph_seen(database, "-1 hour")
        for each in (served, second):
            wait_until(partial(is_not_ready, each), seconds=15, what="not ready")


def test_a_database_that_is_silent_is_told_in_time_and_the_process_lives_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        dsn = f"postgresql://nobody:secret@127.0.0.1:{server.getsockname()[1]}/none?sslmode=disable"
        with serving(dsn, tmp_path / "log") as served:
            began = time.monotonic()
            status, body = asked(served)
            # The bound, and as much again for a slow machine.
            assert time.monotonic() - began < 2 * LOOK_SECONDS
            assert (status, body["message"]) == (503, "not ready")
            assert served.client.get("/health").status_code == 200
            assert served.client.get("/ready/database").status_code == 503
            # A scraper whose token nobody can look up is told no more than that.
            scraped = served.client.get("/metrics", headers=bearer(new_token()))
    assert "secret" not in (tmp_path / "log").read_text()
    assert scraped.status_code == 200
    assert [line for line in scraped.text.splitlines() if not line.startswith("#")] == [
        *("fanout_up 0.0", "fanout_ready 0.0")
    ]


def test_where_debezium_reads_for_reactions_alone_no_event_of_the_fan_out_is_missed(
    databases: Databases,
) -> None:
    # A name of its own: slots of all databases of a server share their names.
    names = CaptureNames(slot="of_reactions")
    with databases.with_reactions() as alone, slot(alone, names=names):
        beat(alone, "-1 hour")
        viewer = DatabaseSettings(dsn=alone.viewer_dsn)
        settings = ServiceSettings(operator=viewer, viewer=viewer, names=names)
        seen = anyio.run(observed, settings)
    assert {*seen.parts} == {
        *("database", "migrations", "slot", "heartbeat", "job runs", "reactions")
    }
    assert seen.reasons == {}


async def observed(settings: ServiceSettings) -> Readiness:
    """What a service with these settings finds."""
    observer = Observer(settings)
    try:
        return await observer.readiness()
    finally:
        observer.close()


@pytest.mark.parametrize("path", ["/health", "/ready", "/ready/database"])
def test_a_probe_is_answered_while_every_thread_is_busy(path: str) -> None:
    assert anyio.run(is_answered_without_threads, probed_app(), path)


def test_control_a_probe_that_needs_a_thread_would_wait() -> None:
    app = probed_app()
    app.dependency_overrides[observer_of] = lambda: app.state.observer
    assert not anyio.run(is_answered_without_threads, app, "/ready")


def probed_app() -> FastAPI:
    nowhere = DatabaseSettings(dsn=NOWHERE)
    return build_app(ServiceSettings(operator=nowhere, viewer=nowhere))


async def is_answered_without_threads(app: FastAPI, path: str) -> bool:
    """Return whether a probe is answered; if it is not, it waits for a thread."""
    threads = anyio.to_thread.current_default_thread_limiter()
    threads.total_tokens = 1
    answers: list[httpx2.Response] = []
    transport = httpx2.ASGITransport(app=app)

    async def probe() -> None:
        answers.append(await client.get(path))

    async with (
        threads,
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
        anyio.create_task_group() as probes,
    ):
        probes.start_soon(probe)
        with anyio.fail_after(60):
            while not answers and not threads.statistics().tasks_waiting:
                await anyio.sleep(0.01)
        probes.cancel_scope.cancel()
    return bool(answers)
