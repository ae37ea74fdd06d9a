"""New secrets of endpoints: shown once, stored encrypted or by name only."""

import base64
import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from pipeline.clients.named_secrets import read_secrets
from pipeline.clients.webhooks.seal import SecretSeal
from pipeline.domain.errors import UsageError
from pipeline.settings.outgoing_webhooks import OutgoingSettings
from pipeline.settings.secret_list import is_secret_name

_PREFIX: Final = "whsec_"
# 24 to 64 bytes are what Standard Webhooks asks for.
_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A secret before it is stored.

    Attributes:
        id: of its row.
        text: the secret itself; None: it is named, and only Secret Manager knows it.
        sealed: what is stored of it.
        name: of it in Secret Manager.
    """

    id: UUID
    text: str | None = field(default=None, repr=False)
    sealed: bytes | None = field(default=None, repr=False)
    name: str | None = None


def new_secret(settings: OutgoingSettings, endpoint: UUID, name: str | None) -> NewSecret:
    """Make a secret of 256 random bits, or take the name of one.

    Args:
        settings: with the key that encrypts.
        endpoint: whose it is.
        name: of a secret in Secret Manager; None: a new one is made.

    Raises:
        UsageError: the name is none of Secret Manager's.
        ConfigurationError: no WEBHOOK_KEY is set, or it cannot be read.
    """
    if name is not None:
        if not is_secret_name(name):
            raise UsageError("invalid name of a secret: expected projects/P/secrets/S")
        return NewSecret(id=uuid4(), name=name)
    text = _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
    seal = SecretSeal(read_secrets(settings.keys, "key"))
    return NewSecret(id=uuid4(), text=text, sealed=seal.seal(text, endpoint))
