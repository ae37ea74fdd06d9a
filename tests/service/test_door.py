"""The door: every route is closed unless it is listed as open, and every change is audited."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import anyio
import httpx2
import pytest
from fastapi import APIRouter, Depends, HTTPException

from pipeline.ops.tokens.change import revoke_token
from pipeline.settings import DatabaseSettings
from service.app import OPEN, build_app
from service.identity.caller import Caller, Scope
from service.identity.needs import Audited, guard, needs
from service.settings import ServiceSettings
from tests.databases import Database
from tests.deadline import wait_until
from tests.service.asking import SAFE, bearer, routes, token
from tests.service.serving import Served, serving

OPEN_PATHS: Final = {"/health", "/ready"}
REVOKED_WITHIN: Final = 10.0

changing: Final = APIRouter(prefix="/v1")


@changing.post("/things/{thing_id}")
def change(thing_id: int, audit: Audited, caller: Annotated[Caller, needs(Scope.OPERATE)]) -> str:
    """Change a thing; the thing 2 cannot be changed, and the thing 3 breaks."""
    if thing_id == 2:
        raise HTTPException(409)
    if thing_id == 3:
        raise ValueError("a bug")
    audit.result = "changed it"
    return caller.name


@pytest.fixture
def served(database: Database, tmp_path: Path) -> Iterator[Served]:
    with serving(database.operator_dsn, tmp_path / "log") as served:
        yield served


def test_every_route_is_guarded_unless_it_is_open() -> None:
    found = list(routes())
    assert {each.template for each in found if not each.is_guarded} == OPEN_PATHS
    assert len({each.template for each in found}) > len(OPEN_PATHS)
    assert all(each.method in SAFE for each in found if not each.is_guarded)


def test_nobody_passes_without_a_token(served: Served) -> None:
    """Control: what is open answers."""
    for route in routes():
        answer = served.client.request(route.method, route.path)
        if route.template in OPEN_PATHS:
            assert answer.status_code != 401
            continue
        assert answer.status_code == 401, route
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="fanout"'
        assert answer.json()["error"] == "Unauthorized"
    # What is no route is closed as well: nobody learns which routes there are.
    assert served.client.get("/nope").status_code == 401


def test_who_lacks_the_scope_is_refused(served: Served, database: Database) -> None:
    """Control: with the scope, nobody is refused."""
    reader, operator = token(database, "r", Scope.READ), token(database, "o", Scope.OPERATE)
    for route in routes():
        if route.template in OPEN_PATHS:
            continue
        right, wrong = (reader, operator) if route.method in SAFE else (operator, reader)
        refused = served.client.request(route.method, route.path, headers=bearer(wrong))
        assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden"), route
        allowed = served.client.request(route.method, route.path, headers=bearer(right))
        assert allowed.status_code not in {401, 403}, route


def test_a_caller_is_told_who_they_are(served: Served, database: Database) -> None:
    both = token(database, "both", *Scope)
    answer = served.client.get("/v1/me", headers=bearer(both))
    assert answer.json() == {"name": "both", "means": "token", "scopes": ["operate", "read"]}


def test_a_revoked_token_stops_within_ten_seconds(served: Served, database: Database) -> None:
    kept, lost = token(database, "kept", Scope.READ), token(database, "lost", Scope.READ)
    assert served.client.get("/v1/me", headers=bearer(lost)).status_code == 200
    revoke_token(DatabaseSettings(dsn=database.operator_dsn), "lost")
    wait_until(
        lambda: served.client.get("/v1/me", headers=bearer(lost)).status_code == 401,
        seconds=REVOKED_WITHIN,
        what="the token is refused",
    )
    assert served.client.get("/v1/me", headers=bearer(kept)).status_code == 200


def test_open_are_only_the_routers_that_are_listed() -> None:
    assert {route.path for router in OPEN for route in router.routes} == OPEN_PATHS  # type: ignore[attr-defined]


def asks(database: Database, path: str, secret: str) -> int:
    """Send one POST to an application with a route that changes something; return the status."""
    settings = DatabaseSettings(dsn=database.operator_dsn)
    app = build_app(ServiceSettings(operator=settings, viewer=settings))
    app.include_router(changing, dependencies=[Depends(guard)])

    async def ask() -> int:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.post(path, headers=bearer(secret))).status_code

    return anyio.run(ask)


def audited(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(
            "SELECT who, identity, action, target, status, result FROM fanout.audit"
            " WHERE identity <> 'login' AND finished_at >= at ORDER BY at"
        ).fetchall()


def test_every_change_leaves_an_audit_row_with_its_result(database: Database) -> None:
    operator, reader = token(database, "o", Scope.OPERATE), token(database, "r", Scope.READ)
    statuses = [asks(database, f"/v1/things/{each}", operator) for each in ("1", "2", "3", "x")]
    assert statuses == [200, 409, 500, 422]
    action = "POST /v1/things/{thing_id}"
    assert audited(database) == [
        ("o", "token", action, "thing_id=1", 200, "changed it"),
        ("o", "token", action, "thing_id=2", 409, "Conflict"),
        ("o", "token", action, "thing_id=3", 500, "Internal Server Error"),
        ("o", "token", action, "thing_id=x", 422, "Unprocessable Entity"),
    ]
    # Who may not change anything changed nothing.
    assert asks(database, "/v1/things/1", reader) == 403
    assert len(audited(database)) == 4


def test_nothing_is_changed_that_cannot_be_audited(database: Database) -> None:
    operator = token(database, "o", Scope.OPERATE)
    with database.connect() as connection:
        connection.execute("REVOKE INSERT ON fanout.audit FROM fanout_operator")
        connection.execute("REVOKE INSERT (id) ON fanout.audit FROM fanout_operator")
    assert asks(database, "/v1/things/1", operator) == 503
    assert audited(database) == []
