"""Who recognises which kind of credential, and which credential of a request counts."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers

from pipeline.ops.tokens.secret import is_token
from service.identity.assertions import of_iap, of_oidc
from service.identity.caller import Means
from service.identity.people import People
from service.identity.recognise import Credential, Recogniser
from service.identity.tokens import TokenRecogniser
from service.settings import ServiceSettings

IAP_HEADER: Final = "x-goog-iap-jwt-assertion"
_BEARER: Final = "bearer"


def recognisers(settings: ServiceSettings) -> dict[Means, Recogniser]:
    """Return what recognises each kind of credential that is configured."""
    identity = settings.identity
    people = People(identity.operators, identity.viewers)
    found: dict[Means, Recogniser] = {Means.TOKEN: TokenRecogniser(settings.viewer)}
    if identity.iap_audience:
        found[Means.IAP] = of_iap(
            people, audience=identity.iap_audience, keys_url=identity.iap_keys_url
        )
    if identity.oidc_issuer:
        found[Means.OIDC] = of_oidc(
            people, issuer=identity.oidc_issuer, client_id=identity.oidc_client_id
        )
    return found


def read_credential(headers: Headers, known: Mapping[Means, Recogniser]) -> Credential | None:
    """Return the credential of a request; None if it has none.

    A token of ours comes first, since only who means to sends one. Then the header of IAP, which
    every request behind it has. What is not configured is ignored.
    """
    scheme, _, text = headers.get("authorization", "").partition(" ")
    bearer = text.strip() if scheme.lower() == _BEARER else ""
    if is_token(bearer):
        return Credential(Means.TOKEN, bearer)
    if Means.IAP in known and (assertion := headers.get(IAP_HEADER)):
        return Credential(Means.IAP, assertion)
    if bearer:
        return Credential(Means.OIDC if Means.OIDC in known else Means.TOKEN, bearer)
    return None
