"""The secrets of endpoints as they are stored: encrypted under our key, each for one endpoint."""

import hmac
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from pipeline.domain.errors import ConfigurationError

_PURPOSE: Final = b"fanout.webhook-secret.1"


class SecretSeal:
    """Encrypts with the first key, and decrypts with every one (AES-SIV, RFC 5297).

    Args:
        keys: the newest first.

    Raises:
        ConfigurationError: there is no key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigurationError(
                "WEBHOOK_KEY is not set: the secrets of endpoints are encrypted with it; set it to"
                " 32 characters or more, or pass --secret-name"
            )
        self._ciphers = [AESSIV(hmac.digest(key.encode(), _PURPOSE, "sha512")) for key in keys]

    def seal(self, secret: str, endpoint: UUID) -> bytes:
        """Return what is stored of a secret. It can be read for this endpoint only."""
        return self._ciphers[0].encrypt(secret.encode(), [endpoint.bytes])

    def read(self, sealed: bytes, endpoint: UUID) -> str:
        """Return a secret.

        Raises:
            ConfigurationError: none of the keys has encrypted it for this endpoint.
        """
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed, [endpoint.bytes]).decode()
            except InvalidTag:
                continue
        raise ConfigurationError(
            "a webhook secret cannot be decrypted: WEBHOOK_KEY lacks the key that encrypted it"
        )
