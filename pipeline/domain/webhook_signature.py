"""Signatures of webhooks: a body and secrets in; headers, or the id of a genuine message out.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
Svix, and so Resend, signs the same way under other names: https://docs.svix.com/receiving/verifying-payloads/how-manual
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.domain.errors import ConfigurationError, PermanentError

TOLERANCE: Final = timedelta(minutes=5)

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - not the secret
_SHORTEST: Final = 16
_LONGEST: Final = 128
# The prefixes of the three headers: of Standard Webhooks, and of Svix.
_HEADERS: Final = ("webhook-", "svix-")
# Without a dot: in what is signed, a dot separates the id from the time.
_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")
_TIME: Final = re.compile(r"[0-9]{1,11}")
_SIGNATURE: Final = re.compile(r"v1,([A-Za-z0-9+/]{43}=)")
# A sender has few secrets at a time. More signatures only cost time.
_MOST_SIGNATURES: Final = 16


class InvalidSignature(PermanentError):
    """The message is not from who shares a secret with us, or is too old. It must not be used."""


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret that both sides know."""

    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "SigningSecret":
        """Read ``whsec_...``.

        Raises:
            ConfigurationError: it is none.
        """
        encoded = text.strip().removeprefix(_SECRET_PREFIX).rstrip("=")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (ValueError, binascii.Error):
            key = b""
        if not _SHORTEST <= len(key) <= _LONGEST:
            raise ConfigurationError(
                f"invalid webhook secret: expected {_SECRET_PREFIX} and base64 of"
                f" {_SHORTEST} to {_LONGEST} bytes"
            )
        return cls(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenuineMessage:
    """A message whose signature is right.

    Attributes:
        id: the same whenever the message is sent again.
        at: when it was sent.
    """

    id: str
    at: datetime


def sign(
    body: bytes, *, message_id: str, at: datetime, secrets: Sequence[SigningSecret]
) -> dict[str, str]:
    """Return the headers to send with a body. While a secret is rotated, pass both.

    Raises:
        ConfigurationError: there is no secret, or the id cannot be signed.
    """
    if not secrets or not _ID.fullmatch(message_id):
        raise ConfigurationError(
            "cannot sign a webhook: expected a secret, and an id of at most 256 visible characters"
            " without a dot"
        )
    time = str(int(at.timestamp()))
    digests = (_digest(secret, message_id, time, body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": time,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in digests),
    }


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secrets: Sequence[SigningSecret],
    now: datetime,
) -> GenuineMessage:
    """Check a message that was received: its raw body, and its headers in any case.

    Raises:
        InvalidSignature: a header is missing or malformed, no signature is right, or the message
            is older or newer than ``TOLERANCE``.
        ConfigurationError: there is no secret to check it with.
    """
    if not secrets:
        raise ConfigurationError("no webhook secret is set: no message can be checked")
    message_id, time, signatures = _found(headers)
    if not _ID.fullmatch(message_id) or not _TIME.fullmatch(time):
        raise InvalidSignature("invalid webhook: its id or timestamp is malformed")
    given = [
        base64.b64decode(match[1])
        for each in signatures.split(" ")[:_MOST_SIGNATURES]
        if (match := _SIGNATURE.fullmatch(each))
    ]
    # Every pair is compared, so that the time tells nothing of which secret was right.
    right = [
        hmac.compare_digest(_digest(secret, message_id, time, body), each)
        for secret in secrets
        for each in given
    ]
    if not any(right):
        raise InvalidSignature("invalid webhook: no signature is right")
    at = datetime.fromtimestamp(int(time), UTC)
    if abs(now - at) > TOLERANCE:
        raise InvalidSignature("invalid webhook: it is too old, or a clock is wrong")
    return GenuineMessage(id=message_id, at=at)


def _found(headers: Mapping[str, str]) -> tuple[str, str, str]:
    """The three headers, all of one family."""
    lower = {name.lower(): value for name, value in headers.items()}
    for prefix in _HEADERS:
        names = (f"{prefix}id", f"{prefix}timestamp", f"{prefix}signature")
        if all(name in lower for name in names):
            message_id, time, signatures = (lower[name] for name in names)
            return message_id, time, signatures
    raise InvalidSignature("invalid webhook: a header of its signature is missing")


def _digest(secret: SigningSecret, message_id: str, time: str, body: bytes) -> bytes:
    signed = b".".join((message_id.encode(), time.encode(), body))
    return hmac.new(secret.key, signed, hashlib.sha256).digest()
