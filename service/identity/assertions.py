"""Recognises people by a signed assertion: from Google's IAP, or from an OIDC provider."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from service.identity.caller import Caller, Means
from service.identity.keys import PublicKeys, at, discovered
from service.identity.people import People

IAP_ISSUER: Final = "https://cloud.google.com/iap"
# For clocks that differ. Google allows 30 s; so do we everywhere.
LEEWAY_SECONDS: Final = 30
# https://docs.cloud.google.com/iap/docs/signed-headers-howto: at most 10 minutes, and the leeway.
_IAP_LIFETIME_SECONDS: Final = 600 + 2 * LEEWAY_SECONDS
_IAP_ALGORITHMS: Final = ("ES256",)
# Signatures with a public key only: a provider's key must never be taken for a shared secret.
_OIDC_ALGORITHMS: Final = ("RS256", "PS256", "ES256")

Claims = Mapping[str, Any]


class AssertionRecogniser:
    """Says who an assertion was issued for, if it was issued for us.

    Args:
        means: the kind of assertion.
        keys: of the issuer.
        algorithms: those with which it may be signed.
        issuer: who must have issued it.
        audience: whom it must have been issued for: us.
        proves_address: whether the claims prove their ``email``.
        people: what the people may do.
    """

    def __init__(
        self,
        means: Means,
        keys: PublicKeys,
        *,
        algorithms: tuple[str, ...],
        issuer: str,
        audience: str,
        proves_address: Callable[[Claims], bool],
        people: People,
    ) -> None:
        self._means = means
        self._keys = keys
        self._algorithms = list(algorithms)
        self._proves_address = proves_address
        self._people = people
        self._registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
            email={"essential": True},
        )

    async def __call__(self, text: str) -> Caller | None:
        """Return the person; None if the assertion proves nothing.

        Raises:
            TransientError: the keys of the issuer cannot be read.
        """
        try:
            header = jws.extract_compact(text.encode()).headers()
            # Before anything is fetched for it.
            if header.get("alg") not in self._algorithms:
                return None
            key = await self._keys.find(header.get("kid"))
            claims = self._claims(text, key) if key else None
        except (JoseError, LookupError, TypeError, ValueError):
            return None
        if claims is None or not _has_address(claims) or not self._proves_address(claims):
            return None
        return self._people.caller(str(claims["email"]), self._means)

    def _claims(self, text: str, key: Key) -> Claims:
        claims = jwt.decode(text, key, algorithms=self._algorithms).claims
        self._registry.validate(claims)
        return claims


def of_iap(people: People, *, audience: str, keys_url: str) -> AssertionRecogniser:
    """Return what recognises the signed header of Google's Identity-Aware Proxy."""
    return AssertionRecogniser(
        Means.IAP,
        PublicKeys("Google's IAP", at(keys_url)),
        algorithms=_IAP_ALGORITHMS,
        issuer=IAP_ISSUER,
        audience=audience,
        proves_address=lambda claims: claims["exp"] - claims["iat"] <= _IAP_LIFETIME_SECONDS,
        people=people,
    )


def of_oidc(people: People, *, issuer: str, client_id: str) -> AssertionRecogniser:
    """Return what recognises an ID token of an OIDC provider."""

    def proves_address(claims: Claims) -> bool:
        # With several audiences, azp says which of them the token was issued to.
        is_ours = claims["aud"] in (client_id, [client_id]) or claims.get("azp") == client_id
        return is_ours and claims.get("email_verified") is True

    return AssertionRecogniser(
        Means.OIDC,
        PublicKeys("the OIDC provider", discovered(issuer)),
        algorithms=_OIDC_ALGORITHMS,
        issuer=issuer,
        audience=client_id,
        proves_address=proves_address,
        people=people,
    )


def _has_address(claims: Claims) -> bool:
    return isinstance(claims["email"], str) and "@" in claims["email"]
