"""Settings of the webhooks that providers of mail call: texts in, checked settings out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.webhook_signature import SigningSecret
from pipeline.settings.secret_list import read_secret_list

# The variable that ``read_webhook_settings`` knows, and no other.
WEBHOOK_VARIABLES: Final = ("RESEND_WEBHOOK_SECRET",)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How messages of providers are recognised.

    Attributes:
        resend: secrets with which Resend signs, or their names in Secret Manager; none: its
            messages are not accepted.
    """

    resend: tuple[str, ...] = field(default=(), repr=False)


def read_webhook_settings(environment: Mapping[str, str]) -> WebhookSettings:
    """Read the settings from ``WEBHOOK_VARIABLES``. An empty value counts as not set.

    Raises:
        ConfigurationError: a secret is invalid. It is not quoted.
    """
    (variable,) = WEBHOOK_VARIABLES
    secrets = read_secret_list(
        variable,
        environment.get(variable, ""),
        is_valid=_is_signing_secret,
        expected="the signing secret as Resend shows it, whsec_...",
    )
    return WebhookSettings(resend=secrets)


def _is_signing_secret(text: str) -> bool:
    try:
        SigningSecret.parse(text)
    except ConfigurationError:
        return False
    return True
