"""The service as a process: it starts, answers, and stops."""

import signal
from http import HTTPStatus
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.identity.caller import Scope
from tests.databases import Database
from tests.service.api import application
from tests.service.asking import bearer, token
from tests.service.serving import serving


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_stopped(
    database: Database, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(database.operator_dsn, tmp_path / "log") as served:
        answer = served.client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
        served.process.send_signal(number)
        assert served.process.wait(10) == 0


def test_what_does_not_exist_is_refused_in_our_own_form(database: Database, tmp_path: Path) -> None:
    with serving(database.operator_dsn, tmp_path / "log") as served:
        answer = served.client.get("/nope", headers=bearer(token(database, "reader", Scope.READ)))
    assert answer.status_code == 404
    assert answer.json() == {"error": "Not Found", "message": "Route GET /nope not found"}


def test_no_request_waits_until_a_route_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI, which builds late if it may, turns a warning off meanwhile, for every thread."""
    client = TestClient(application(None).router)

    def turned_off(**_filter: object) -> None:
        raise AssertionError("a route is built")

    monkeypatch.setattr("warnings.catch_warnings", turned_off)
    assert client.get("/v1/nope").status_code == HTTPStatus.NOT_FOUND
