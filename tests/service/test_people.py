"""People log in with Google's IAP or an OIDC provider; what is forged or for others is refused."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
from joserfc.jwk import ECKey, RSAKey

from service.identity.caller import Scope
from tests.databases import Database
from tests.deadline import wait_until
from tests.service.asking import bearer, token
from tests.service.issuer import CLIENT, Issuer, issuing
from tests.service.serving import Served, serving

OPERATOR: Final = "ida@example.com"
VIEWER: Final = "vera@viewers.example"
IAP: Final = "X-Goog-IAP-JWT-Assertion"
# Many times more than a look at the keys takes.
SECONDS: Final = 30.0

Forge = Callable[[Issuer], str]


@dataclass(frozen=True, slots=True)
class World:
    """A service and the issuer that it trusts.

    Attributes:
        sent: every secret and address that was sent to it.
    """

    served: Served
    issuer: Issuer
    sent: list[str]

    def asks(self, headers: dict[str, str]) -> httpx2.Response:
        """Ask who I am."""
        self.sent.extend(value.removeprefix("Bearer ") for value in headers.values())
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        return self.served.client.get("/v1/me", headers=encoded)

    def scopes(self, headers: dict[str, str]) -> list[str] | int:
        """Return the scopes of who sends these headers, or the status of the refusal."""
        answer = self.asks(headers)
        return answer.json()["scopes"] if answer.status_code == 200 else answer.status_code


@pytest.fixture(scope="module")
def world(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    log = tmp_path_factory.mktemp("people") / "log"
    with (
        issuing() as issuer,
        serving(
            shared_database.operator_dsn,
            log,
            "--address-rate",
            "1000",
            VIEWER_DATABASE_URL=shared_database.viewer_dsn,
            OPERATORS=f"{OPERATOR},@Operators.example",
            VIEWERS="@viewers.example",
            LOG_LEVEL="DEBUG",
            **issuer.variables,
        ) as served,
    ):
        yield World(served, issuer, [OPERATOR, VIEWER])


def iap(assertion: str) -> dict[str, str]:
    return {IAP: assertion}


@pytest.mark.parametrize(
    ("address", "scopes"),
    [
        (OPERATOR, ["operate", "read"]),
        (OPERATOR.upper(), ["operate", "read"]),
        ("any@operators.example", ["operate", "read"]),
        (VIEWER, ["read"]),
        ("vera@sub.viewers.example", 403),
        ("vera@viewers.example@elsewhere.example", 403),
        ("viewers.example", 401),
        ("stranger@example.com", 403),
    ],
)
def test_the_address_decides_what_a_person_may_do(
    world: World, address: str, scopes: list[str] | int
) -> None:
    issuer = world.issuer
    assert world.scopes(bearer(issuer.sign(issuer.claims(address)))) == scopes
    assert world.scopes(iap(issuer.sign_iap(issuer.iap_claims(address)))) == scopes


def test_the_answer_says_how_a_person_was_recognised(world: World) -> None:
    issuer = world.issuer
    oidc = world.asks(bearer(issuer.sign(issuer.claims(OPERATOR))))
    assert (oidc.json()["name"], oidc.json()["means"]) == (OPERATOR, "oidc")
    behind = world.asks(iap(issuer.sign_iap(issuer.iap_claims(OPERATOR))))
    assert (behind.json()["name"], behind.json()["means"]) == (OPERATOR, "iap")


def _encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")


def _head_and_claims(claims: dict[str, Any], alg: str, kid: object) -> str:
    parts = ({"alg": alg, "kid": kid}, claims)
    return ".".join(_encoded(json.dumps(part).encode()) for part in parts)


def _unsigned(claims: dict[str, Any], kid: object) -> str:
    return f"{_head_and_claims(claims, 'none', kid)}."


def _by_shared_secret(issuer: Issuer) -> str:
    """Take the public key for a secret: what a verifier falls for that obeys the token's alg."""
    signed = _head_and_claims(issuer.claims(OPERATOR), "HS256", issuer.key.kid)
    public = issuer.key.as_pem(private=False)
    return f"{signed}.{_encoded(hmac.digest(public, signed.encode(), 'sha256'))}"


def _by_another_key(issuer: Issuer) -> str:
    other = RSAKey.generate_key(2048, {"kid": str(issuer.key.kid)})
    return issuer.sign(issuer.claims(OPERATOR), other)


def _changed_after(issuer: Issuer) -> str:
    head, _, signature = issuer.sign(issuer.claims("stranger@example.com")).split(".")
    _, claims, _ = issuer.sign(issuer.claims(OPERATOR)).split(".")
    return f"{head}.{claims}.{signature}"


def _with(**changed: object) -> Forge:
    return lambda issuer: issuer.sign(issuer.claims(OPERATOR, **changed))


FORGED: Final[dict[str, Forge]] = {
    "no signature": lambda issuer: _unsigned(issuer.claims(OPERATOR), issuer.key.kid),
    "a shared secret": _by_shared_secret,
    "another key": _by_another_key,
    "an unknown key": lambda issuer: issuer.sign(
        issuer.claims(OPERATOR), RSAKey.generate_key(2048, {"kid": "x"})
    ),
    "IAP's key": lambda issuer: issuer.sign(issuer.claims(OPERATOR), issuer.iap_key, "ES256"),
    "changed claims": _changed_after,
    "expired": _with(exp=1_000_000_000),
    "without an end": _with(exp=None),
    "an expiry that is not a time": _with(exp="tomorrow"),
    "not yet valid": _with(nbf=4_000_000_000),
    "issued in the future": _with(iat=4_000_000_000),
    "another issuer": _with(iss="https://accounts.example.com"),
    "another audience": _with(aud="another-client"),
    "for another of several": _with(aud=[CLIENT, "another-client"], azp="another-client"),
    "an address that is not verified": _with(email_verified=False),
    "no word on the address": _with(email_verified=None),
    "no address": _with(email=None),
    "an address that is not a text": _with(email=[OPERATOR]),
    "no JWT": lambda _: "a.b.c",
    "not ASCII": lambda _: "é.é.é",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_token_of_the_provider_that_is_not_right_is_refused(world: World, forge: Forge) -> None:
    """Control: ``test_the_address_decides`` sends right ones."""
    answer = world.asks(bearer(forge(world.issuer)))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="fanout", error="invalid_token"'


IAP_FORGED: Final[dict[str, Forge]] = {
    "another key": lambda issuer: issuer.sign_iap(
        issuer.iap_claims(OPERATOR), ECKey.generate_key("P-256", {"kid": str(issuer.iap_key.kid)})
    ),
    "the provider's key": lambda issuer: issuer.sign(issuer.iap_claims(OPERATOR)),
    "no signature": lambda issuer: _unsigned(issuer.iap_claims(OPERATOR), issuer.iap_key.kid),
    "another audience": lambda issuer: issuer.sign_iap(
        issuer.iap_claims(OPERATOR, aud="/projects/1/global/backendServices/3")
    ),
    "another issuer": lambda issuer: issuer.sign_iap(issuer.iap_claims(OPERATOR, iss=issuer.url)),
    "expired": lambda issuer: issuer.sign_iap(issuer.iap_claims(OPERATOR, exp=1_000_000_000)),
    "for too long": lambda issuer: issuer.sign_iap(issuer.iap_claims(OPERATOR, exp=4_000_000_000)),
    "an address": lambda _: OPERATOR,
}


@pytest.mark.parametrize("forge", IAP_FORGED.values(), ids=IAP_FORGED)
def test_a_header_of_iap_that_is_not_right_is_refused(world: World, forge: Forge) -> None:
    assert world.scopes(iap(forge(world.issuer))) == 401


def test_a_header_that_is_not_signed_says_nothing(world: World) -> None:
    said = {
        "X-Goog-Authenticated-User-Email": f"accounts.google.com:{OPERATOR}",
        "X-Forwarded-Email": OPERATOR,
    }
    assert world.scopes(said) == 401


def test_a_token_of_ours_counts_before_the_header_of_iap(
    world: World, shared_database: Database
) -> None:
    ours = bearer(token(shared_database, "before", Scope.READ))
    behind = iap(world.issuer.sign_iap(world.issuer.iap_claims(OPERATOR)))
    assert world.scopes(ours | behind) == ["read"]
    # Behind IAP other programs put tokens of their own there.
    assert world.scopes(bearer("ya29.theirs") | behind) == ["operate", "read"]


def test_a_new_key_is_found_and_the_old_one_is_not_asked_for_again(world: World) -> None:
    issuer = world.issuer
    old = issuer.key
    issuer.rotate()
    wait_until(
        lambda: world.scopes(bearer(issuer.sign(issuer.claims(VIEWER)))) == ["read"],
        seconds=SECONDS,
        what="the new key is known",
    )
    assert world.scopes(bearer(issuer.sign(issuer.claims(VIEWER), old))) == 401


def test_forged_tokens_do_not_make_it_ask_the_provider_each_time(world: World) -> None:
    issuer = world.issuer
    issuer.asked.clear()
    for each in range(50):
        key = ECKey.generate_key("P-256", {"kid": f"forged-{each}"})
        assert world.scopes(bearer(issuer.sign(issuer.claims(OPERATOR), key, "ES256"))) == 401
    # Two requests for one look, and at most one look in two seconds.
    assert len(issuer.asked) < 25


def test_while_the_provider_is_down_known_keys_and_tokens_go_on(
    world: World, shared_database: Database
) -> None:
    issuer = world.issuer
    issuer.is_up = False
    try:
        assert world.scopes(bearer(issuer.sign(issuer.claims(VIEWER)))) == ["read"]
        assert world.scopes(bearer(token(shared_database, "down", Scope.READ))) == ["read"]
    finally:
        issuer.is_up = True


def test_a_provider_that_was_never_reached_is_not_taken_for_a_refusal(
    world: World, shared_database: Database
) -> None:
    issuer = world.issuer
    issuer.is_up = False
    log = world.served.log.with_name("unreached")
    try:
        with serving(shared_database.operator_dsn, log, VIEWERS=VIEWER, **issuer.variables) as late:
            early = late.client.get("/v1/me", headers=bearer(issuer.sign(issuer.claims(VIEWER))))
            assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
            assert late.client.get("/health").status_code == 200
            assert "the keys of the OIDC provider cannot be read: " in log.read_text()
            issuer.is_up = True
            wait_until(
                lambda: (
                    late.client.get(
                        "/v1/me", headers=bearer(issuer.sign(issuer.claims(VIEWER)))
                    ).status_code
                    == 200
                ),
                seconds=SECONDS,
                what="the provider is asked again",
            )
    finally:
        issuer.is_up = True


def test_no_token_and_no_address_is_in_the_log(world: World) -> None:
    """The last test of the module: it looks at what all of them have sent."""
    log = world.served.log.read_text()
    # Control: the log of this level says what is going on.
    assert f"port={world.issuer.url.rpartition(':')[2]}" in log
    secrets = {each for each in world.sent if len(each) > 5}
    assert len(secrets) > 40
    assert [each for each in secrets if each in log] == []
