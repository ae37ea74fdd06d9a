"""The door: every route is closed unless it is listed as open, and every change is audited."""

import re
from collections.abc import Iterator
from typing import Any, Final

import anyio
import httpx2
import psycopg
import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.tokens.change import revoke_token
from pipeline.settings import DatabaseSettings
from service.app import OPEN, SIGNED
from service.identity.caller import Scope
from service.identity.door import network_of
from service.settings import IdentitySettings, ServiceSettings
from tests.databases import Database
from tests.deadline import wait_until
from tests.service.asking import SAFE, bearer, routes, token
from tests.service.changing import MARKER, changing_app
from tests.service.issuer import CLIENT, issuing
from tests.service.serving import Served, running

SIGNED_PATHS: Final = {"/unsubscribe/{token}", "/webhooks/resend"}
OPEN_PATHS: Final = {"/health", "/ready", "/ready/database", *SIGNED_PATHS}
REVOKED_WITHIN: Final = 10.0
CHANGE: Final = "POST /v1/things/{thing_id}"


@pytest.fixture(scope="module")
def served(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service with a route that changes something, which reads and changes with two logins."""
    with running(
        tmp_path_factory.mktemp("door") / "log",
        "tests.service.changing",
        OPERATOR_DATABASE_URL=shared_database.operator_dsn,
        VIEWER_DATABASE_URL=shared_database.viewer_dsn,
    ) as served:
        yield served


def audited(database: Database, who: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(
            "SELECT identity, login, action, target, status, result FROM fanout.audit"
            " WHERE who = %s AND finished_at >= at ORDER BY at",
            [who],
        ).fetchall()


def test_every_route_is_guarded_unless_it_is_open() -> None:
    found = list(routes())
    assert {each.template for each in found if not each.is_guarded} == OPEN_PATHS
    assert len({each.template for each in found}) > len(OPEN_PATHS)
    for each in found:
        assert each.is_guarded or each.method in SAFE or each.template in SIGNED_PATHS


def test_open_are_only_the_routers_that_are_listed() -> None:
    routers = (*OPEN, *SIGNED)
    assert {route.path for router in routers for route in router.routes} == OPEN_PATHS  # type: ignore[attr-defined]


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
    # A path that is not a route is closed, too: nobody learns which routes there are.
    for path in ("/nope", "/health/", "//health", "/health%2f", "/HEALTH", "/docs", "/redoc"):
        assert served.client.get(path).status_code == 401, path


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Basic aWRhOmlkYQ==", "Bearer fanout_x", f"Bearer fanout_{'a' * 43}"],
)
def test_what_is_no_token_is_refused(served: Served, header: str) -> None:
    answer = served.client.get("/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="fanout"')


def test_who_lacks_the_scope_is_refused(served: Served, shared_database: Database) -> None:
    """Control: with the scope, nobody is refused."""
    reader = token(shared_database, "reads", Scope.READ)
    operator = token(shared_database, "operates", Scope.OPERATE)
    for route in routes():
        if route.template in OPEN_PATHS:
            continue
        right, wrong = (reader, operator) if route.method in SAFE else (operator, reader)
        refused = served.client.request(route.method, route.path, headers=bearer(wrong))
        assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden"), route
        allowed = served.client.request(route.method, route.path, headers=bearer(right))
        assert allowed.status_code not in {401, 403}, route


NONSENSE: Final = [
    (b"{", "application/json"),
    (b'"\xff"', "application/json"),
    (b"a", "text/plain"),
]


def test_who_lacks_the_scope_is_not_told_what_else_is_wrong(
    served: Served, shared_database: Database
) -> None:
    """Control: with the scope, the same requests are told."""
    reader = bearer(token(shared_database, "reads-nonsense", Scope.READ))
    operator = bearer(token(shared_database, "sends-nonsense", Scope.OPERATE))
    told: set[str] = set()
    for route in (each for each in routes() if each.template not in OPEN_PATHS):
        right, wrong = (reader, operator) if route.method in SAFE else (operator, reader)
        path = route.template.replace("{", "no-").replace("}", "%00") + "?no-such=1&limit=many"
        for content, kind in NONSENSE[:1] if route.method in SAFE else NONSENSE:
            refused, answer = (
                served.client.request(
                    route.method,
                    path,
                    headers={**who, "Content-Type": kind},
                    content=None if route.method in SAFE else content,
                )
                for who in (wrong, right)
            )
            assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden"), route
            assert answer.status_code not in {401, 403}, route
            told |= {each for each in ("query", "body") if f"invalid {each}: " in answer.text}
    assert told == {"query", "body"}


def test_a_caller_is_told_who_they_are(served: Served, shared_database: Database) -> None:
    both = token(shared_database, "both", *Scope)
    answer = served.client.get("/v1/me", headers=bearer(both))
    assert answer.json() == {"name": "both", "means": "token", "scopes": ["operate", "read"]}


def test_a_token_that_is_revoked_or_expired_stops_within_ten_seconds(
    served: Served, shared_database: Database
) -> None:
    kept, revoked, expired = (
        bearer(token(shared_database, name, Scope.READ)) for name in ("kept", "lost", "late")
    )
    for each in (kept, revoked, expired):
        assert served.client.get("/v1/me", headers=each).status_code == 200
    revoke_token(DatabaseSettings(dsn=shared_database.operator_dsn), "lost")
    with shared_database.connect() as connection:
        connection.execute("UPDATE fanout.api_tokens SET expires_at = now() WHERE name = 'late'")
    wait_until(
        lambda: (
            {served.client.get("/v1/me", headers=each).status_code for each in (revoked, expired)}
            == {401}
        ),
        seconds=REVOKED_WITHIN,
        what="the tokens are refused",
    )
    assert served.client.get("/v1/me", headers=kept).status_code == 200


def test_every_change_leaves_an_audit_row_with_its_result(
    served: Served, shared_database: Database
) -> None:
    operator = bearer(token(shared_database, "changes", Scope.OPERATE))
    answers = [
        served.client.post(f"/v1/things/{each}", headers=operator) for each in ("1", "2", "3", "x")
    ]
    assert [each.status_code for each in answers] == [200, 409, 500, 422]
    assert audited(shared_database, "changes") == [
        ("token", "test_operator", CHANGE, "thing_id=1", 200, "changed it"),
        ("token", "test_operator", CHANGE, "thing_id=2", 409, "Conflict"),
        ("token", "test_operator", CHANGE, "thing_id=3", 500, "Internal Server Error"),
        ("token", "test_operator", CHANGE, "thing_id=x", 422, "Unprocessable Entity"),
    ]


def test_who_may_not_change_anything_leaves_no_row(
    served: Served, shared_database: Database
) -> None:
    reader = bearer(token(shared_database, "only-reads", Scope.READ))
    assert served.client.post("/v1/things/1", headers=reader).status_code == 403
    assert served.client.get("/v1/me", headers=reader).status_code == 200
    assert audited(shared_database, "only-reads") == []


def test_an_error_that_nobody_expected_is_told_and_logged_without_its_text(
    served: Served, shared_database: Database
) -> None:
    operator = bearer(token(shared_database, "breaks", Scope.OPERATE))
    answer = served.client.post("/v1/things/3", headers=operator)
    assert answer.json() == {
        "error": "Internal Server Error",
        "message": "a fault of the service; its log has the details",
    }
    log = served.log.read_text()
    assert "ValueError" in log
    assert "in change" in log
    # The line of the code is there, and the text of the error is not.
    assert MARKER not in log.replace("raise ValueError(MARKER)", "")
    assert operator["Authorization"].removeprefix("Bearer ") not in log


def asks(settings: ServiceSettings, secret: str) -> httpx2.Response:
    """Change something in an application of this process."""

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=changing_app(settings), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/v1/things/1", headers=bearer(secret))

    return anyio.run(ask)


def test_the_audit_names_a_person_and_how_they_were_recognised(database: Database) -> None:
    login = DatabaseSettings(dsn=database.operator_dsn)
    with issuing() as issuer:
        identity = IdentitySettings(
            operators=["ida@example.com"], oidc_issuer=issuer.url, oidc_client_id=CLIENT
        )
        settings = ServiceSettings(operator=login, viewer=login, identity=identity)
        assert asks(settings, issuer.sign(issuer.claims("ida@example.com"))).status_code == 200
        assert asks(settings, issuer.sign(issuer.claims("eve@example.com"))).status_code == 403
    row = ("oidc", "test_operator", CHANGE, "thing_id=1", 200, "changed it")
    assert audited(database, "ida@example.com") == [row]
    assert audited(database, "eve@example.com") == []


def test_nothing_is_changed_that_cannot_be_audited(database: Database) -> None:
    """Control: with the right it is."""
    login = DatabaseSettings(dsn=database.operator_dsn)
    settings = ServiceSettings(operator=login, viewer=login)
    operator = token(database, "o", Scope.OPERATE)
    assert asks(settings, operator).status_code == 200
    with database.connect() as connection:
        connection.execute("REVOKE INSERT (id) ON fanout.audit FROM fanout_operator")
    assert asks(settings, operator).status_code == 503
    assert len(audited(database, "o")) == 1


def test_while_the_database_is_away_nobody_is_told_that_a_token_is_invalid() -> None:
    away = DatabaseSettings(dsn="postgresql://kanarienvogel@127.0.0.1:1/none")
    settings = ServiceSettings(operator=away, viewer=away)
    unsure = asks(settings, f"fanout_{'a' * 43}")
    assert (unsure.status_code, unsure.headers["Retry-After"]) == (503, "5")
    # Nor where the database is, or who logs in there.
    assert not re.search("kanarienvogel|127.0.0.1|Postgres", unsure.text)
    # Control: what has not the form of a token needs no database.
    assert asks(settings, "fanout_a").status_code == 401


def test_an_audit_row_is_finished_once_and_never_deleted(database: Database) -> None:
    with psycopg.connect(database.operator_dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO fanout.audit (id, who, identity, action)"
            " VALUES (gen_random_uuid(), 'o', 'token', 'POST /v1/replays')"
        )
        finish = "UPDATE fanout.audit SET finished_at = now(), result = %s"
        assert connection.execute(finish, ["done"]).rowcount == 1
        assert connection.execute(finish, ["never happened"]).rowcount == 0
        for change in (
            "UPDATE fanout.audit SET who = 'someone else'",
            "DELETE FROM fanout.audit",
            "TRUNCATE fanout.audit",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change.encode())
        assert connection.execute("SELECT who, result FROM fanout.audit").fetchall() == [
            ("o", "done")
        ]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_client_of_ipv6_is_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("wrong", ["*", "proxy.example.com", "10.0.0.1/8"])
def test_what_is_no_network_is_no_trusted_proxy(wrong: str) -> None:
    database = DatabaseSettings(dsn="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(ConfigurationError, match=r"invalid TRUSTED_PROXIES .*: expected addresses"):
        ServiceSettings(operator=database, viewer=database, trusted_proxies=("10.0.0.0/8", wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"operators": ["ida"]},
        {"viewers": ["ida@example.com vera@example.com"]},
        {"oidc_issuer": "http://accounts.example.com", "oidc_client_id": "c"},
        {"oidc_issuer": "https://accounts.example.com"},
        {"oidc_client_id": "c"},
        {"iap_keys_url": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_a_wrong_setting_of_identities_stops_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"expected|is not set"):
        IdentitySettings(**wrong)
