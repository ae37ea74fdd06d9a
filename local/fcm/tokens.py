"""The token endpoint of the loopback FCM: a key of a service account in, access tokens out.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import base64
import json
import secrets
import threading
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from local.loopback import LoopbackReply, LoopbackRequest, StandIn
from pipeline.domain.clock import Clock

PATH: Final = "/token"
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
# Whatever the token_uri of the key: google-auth writes this one.
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# https://developers.google.com/identity/protocols/oauth2/service-account#httprest
LONGEST_ASSERTION: Final = timedelta(hours=1)
_SKEW: Final = timedelta(minutes=5)


class TokenServer(StandIn):
    """Gives access tokens to whoever signs with the key of the service account.

    Attributes:
        lifetime: of the access tokens.
        given: those that are valid, and until when.
        is_revoked: whether the key is valid no more.
    """

    def __init__(self, project: str, clock: Clock) -> None:
        super().__init__()
        self.lifetime = timedelta(hours=1)
        self.given: dict[str, datetime] = {}
        self.is_revoked = False
        self._clock = clock
        self._lock = threading.Lock()
        self._account = f"push@{project}.iam.gserviceaccount.com"
        self._project = project

    def write_key(self, folder: Path) -> Path:
        """Write the key of the service account, as the Firebase console does; return the file."""
        pem = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        content = {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": "local",
            "private_key": pem.decode(),
            "client_email": self._account,
            "client_id": "1",
            "token_uri": f"{self.base_url}{PATH}",
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "service-account.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(content), "utf-8")
        return path

    def is_valid(self, token: str) -> bool:
        """Whether an access token may be used."""
        until = self.given.get(token)
        return until is not None and self._clock() < until

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Give an access token, or say why not."""
        self.wait()
        form = parse_qs(request.body.decode())
        if request.path != PATH or request.method != "POST":
            return LoopbackReply(status=404, body={"error": "not_found"})
        if form.get("grant_type") != [GRANT]:
            return _error("unsupported_grant_type", "Invalid grant_type")
        claims = _claims(form.get("assertion", [""])[0])
        if claims is None or claims.get("iss") != self._account or self.is_revoked:
            return _error("invalid_grant", "Invalid JWT Signature.")
        if not self._is_timely(claims) or claims.get("aud") != AUDIENCE:
            return _error("invalid_grant", "Invalid JWT: Token must be a short-lived token")
        if SCOPE not in str(claims.get("scope", "")).split():
            return _error("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = f"ya29.{secrets.token_urlsafe(24)}"
        with self._lock:
            self.given[token] = self._clock() + self.lifetime
        seconds = int(self.lifetime.total_seconds())
        body = {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}
        return LoopbackReply(status=HTTPStatus.OK, body=body)

    def _is_timely(self, claims: dict[str, Any]) -> bool:
        issued, expires, now = claims.get("iat"), claims.get("exp"), self._clock().timestamp()
        if not isinstance(issued, int) or not isinstance(expires, int):
            return False
        skew = _SKEW.total_seconds()
        is_short = expires - issued <= LONGEST_ASSERTION.total_seconds()
        return is_short and issued - skew <= now < expires + skew


def _error(name: str, description: str) -> LoopbackReply:
    body = {"error": name, "error_description": description}
    return LoopbackReply(status=HTTPStatus.BAD_REQUEST, body=body)


@cache
def _key() -> rsa.RSAPrivateKey:
    """Return the key of this process: to make one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _claims(assertion: str) -> dict[str, Any] | None:
    """Return what a JWT says; None if it is not signed with the key."""
    try:
        signed, _, signature = assertion.rpartition(".")
        _key().public_key().verify(
            _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        claims = json.loads(_decoded(signed.partition(".")[2]))
    except (ValueError, InvalidSignature):
        return None
    return claims if isinstance(claims, dict) else None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
