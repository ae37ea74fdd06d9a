"""The token in the link to unsubscribe: a subscription in, a token out, and the other way round.

A token is the subscription, encrypted and authenticated (AES-SIV, RFC 5297) under a key that HMAC
derives from a secret. Without the secret nobody can read, change or make one. It is not stored, it
does not expire, and the same subscription always has the same token, so that a mail stays the same
however often it is written.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from pipeline.domain.errors import ConfigurationError, PermanentError
from pipeline.domain.identifiers import UserId
from pipeline.mail.subscription import MailSubscription, SubscriptionScope

# What the key is for, and the form of the token.
_PURPOSE: Final = b"fanout.unsubscribe.1"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{40,400}")
_LETTERS: Final = {
    SubscriptionScope.GLOBAL: b"g",
    SubscriptionScope.PROJECT: b"p",
    SubscriptionScope.THREAD: b"t",
}
_SCOPES: Final = {letter: scope for scope, letter in _LETTERS.items()}
_ID: Final = 16
_LONGEST: Final = 250


class InvalidLink(PermanentError):
    """We did not make the token. The error says nothing more."""


class LinkSeal:
    """Makes tokens with the first secret, and reads those of every secret.

    Args:
        secrets: the newest first. One that is left out makes its tokens invalid.

    Raises:
        ConfigurationError: there is no secret.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ConfigurationError("no UNSUBSCRIBE_SECRET is set: no link can be made or read")
        self._ciphers = [
            AESSIV(hmac.digest(secret.encode(), _PURPOSE, "sha512")) for secret in secrets
        ]

    def token(self, subscription: MailSubscription) -> str:
        """Return the token of a subscription: letters, digits, ``-`` and ``_`` only.

        Raises:
            ValueError: its event type is longer than 200 bytes.
        """
        plain = _pack(subscription)
        if len(plain) > _LONGEST:
            raise ValueError("invalid event type: expected a shorter one")
        sealed = self._ciphers[0].encrypt(plain, None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, token: str) -> MailSubscription:
        """Return the subscription of a token.

        Raises:
            InvalidLink: it is none of ours, or one of a secret that is no longer used.
        """
        if not _TOKEN.fullmatch(token) or len(token) % 4 == 1:
            raise InvalidLink("invalid link")
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        # The last character has bits that mean nothing: only one way to write a token is accepted.
        if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != token:
            raise InvalidLink("invalid link")
        for cipher in self._ciphers:
            try:
                return _unpack(cipher.decrypt(sealed, None))
            except InvalidTag:
                continue
        raise InvalidLink("invalid link")


def unsubscribe_url(public_url: str, seal: LinkSeal, subscription: MailSubscription) -> str:
    """Return the address at which the recipient of a mail unsubscribes.

    Args:
        public_url: where the service is reached: ``https://notify.acme.example``.
        seal: makes the token.
        subscription: what ends there.
    """
    return f"{public_url.rstrip('/')}/unsubscribe/{seal.token(subscription)}"


def _pack(subscription: MailSubscription) -> bytes:
    scope_id = b"" if subscription.scope_id is None else subscription.scope_id.bytes
    names = f"{subscription.channel}\n{subscription.event_type}".encode()
    return _LETTERS[subscription.scope] + subscription.user_id.bytes + scope_id + names


def _unpack(plain: bytes) -> MailSubscription:
    scope = _SCOPES[plain[:1]]
    user_id, rest = plain[1 : 1 + _ID], plain[1 + _ID :]
    scope_id = None
    if scope is not SubscriptionScope.GLOBAL:
        scope_id, rest = UUID(bytes=rest[:_ID]), rest[_ID:]
    channel, _, event_type = rest.decode().partition("\n")
    return MailSubscription(
        user_id=UserId(UUID(bytes=user_id)),
        scope=scope,
        scope_id=scope_id,
        event_type=event_type,
        channel=channel,
    )
