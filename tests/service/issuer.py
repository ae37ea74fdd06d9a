"""Google's IAP and an OIDC provider on this machine: what they publish, and what they sign."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

CLIENT: Final = "fanout-console"
IAP_AUDIENCE: Final = "/projects/1/global/backendServices/2"
IAP_ISSUER: Final = "https://cloud.google.com/iap"
_DISCOVERY: Final = "/.well-known/openid-configuration"
_KEYS: Final = "/keys"
_IAP_KEYS: Final = "/iap/keys"


class Issuer:
    """Publishes keys, and signs assertions with them.

    Attributes:
        key: the provider's current key.
        iap_key: the current key of IAP.
        asked: the paths that were asked for.
        is_up: whether it answers.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": uuid4().hex})
        self.iap_key = ECKey.generate_key("P-256", {"kid": uuid4().hex})
        self.asked: list[str] = []
        self.is_up = True
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                document = issuer.documents().get(self.path) if issuer.is_up else None
                body = json.dumps(document).encode()
                self.send_response(200 if document else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a service that trusts it."""
        return {
            "OIDC_ISSUER": self.url,
            "OIDC_CLIENT_ID": CLIENT,
            "IAP_AUDIENCE": IAP_AUDIENCE,
            "IAP_KEYS_URL": f"{self.url}{_IAP_KEYS}",
        }

    def documents(self) -> Mapping[str, Any]:
        """What it publishes, by path."""
        return {
            _DISCOVERY: {"issuer": self.url, "jwks_uri": f"{self.url}{_KEYS}"},
            _KEYS: KeySet([self.key]).as_dict(),
            _IAP_KEYS: KeySet([self.iap_key]).as_dict(),
        }

    def claims(self, person: str, **changed: object) -> dict[str, Any]:
        """Return claims of the provider; None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": CLIENT,
            "email": person,
            "email_verified": True,
            "iat": now,
            "exp": now + 300,
            "jti": uuid4().hex,
        }
        return {name: value for name, value in (usual | changed).items() if value is not None}

    def iap_claims(self, person: str, **changed: object) -> dict[str, Any]:
        """Return claims of IAP."""
        usual = {"iss": IAP_ISSUER, "aud": IAP_AUDIENCE, "email_verified": None}
        return self.claims(person, **(usual | changed))

    def sign(self, claims: dict[str, Any], key: Key | None = None, alg: str = "RS256") -> str:
        """Sign claims as the provider does."""
        signer = key or self.key
        return jwt.encode({"alg": alg, "kid": signer.kid}, claims, signer, algorithms=[alg])

    def sign_iap(self, claims: dict[str, Any], key: Key | None = None) -> str:
        """Sign claims as IAP does."""
        return self.sign(claims, key or self.iap_key, "ES256")

    def rotate(self) -> None:
        """Use another key from now on, and withdraw the old one."""
        self.key = RSAKey.generate_key(2048, {"kid": uuid4().hex})

    def serve(self) -> None:
        """Answer until ``stop``."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer that answers until the block ends."""
    issuer = Issuer()
    thread = Thread(target=issuer.serve)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.stop()
        thread.join()
