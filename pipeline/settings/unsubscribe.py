"""Settings of the link to unsubscribe: texts in, checked settings or an error out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pipeline.domain.errors import ConfigurationError
from pipeline.settings.secret_list import read_secret_list
from pipeline.settings.urls import is_url

# The variables that ``read_unsubscribe_settings`` knows, and no other.
UNSUBSCRIBE_VARIABLES: Final = ("PUBLIC_URL", "UNSUBSCRIBE_SECRET")
# Fewer could be guessed.
SHORTEST_SECRET: Final = 32
_LONGEST_SECRET: Final = 512
_LONGEST_URL: Final = 300
_URL: Final = re.compile(r"[A-Za-z0-9:/.\[\]_~%-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeSettings:
    """How links to unsubscribe are made and read.

    Attributes:
        secrets: each a secret, or its name in Secret Manager; links are made with the first one.
        public_url: where the service is reached from outside; empty: mails have no such link.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    public_url: str = ""

    @property
    def makes_links(self) -> bool:
        """Whether mails have a link."""
        return bool(self.public_url and self.secrets)


def read_unsubscribe_settings(environment: Mapping[str, str]) -> UnsubscribeSettings:
    """Read the settings from ``UNSUBSCRIBE_VARIABLES``. An empty value counts as not set.

    Raises:
        ConfigurationError: one is invalid. Secrets are not quoted.
    """
    given = {name: environment.get(name, "").strip() for name in UNSUBSCRIBE_VARIABLES}
    url = given["PUBLIC_URL"]
    if url and not _is_public(url):
        raise ConfigurationError(
            "invalid PUBLIC_URL: expected where the service is reached from outside, as"
            " https://host or https://host/path"
        )
    secrets = read_secret_list(
        "UNSUBSCRIBE_SECRET",
        given["UNSUBSCRIBE_SECRET"],
        is_valid=is_unsubscribe_secret,
        expected=f"at least {SHORTEST_SECRET} characters, such as those of"
        " 'openssl rand -base64 32'",
    )
    return UnsubscribeSettings(secrets=secrets, public_url=url.rstrip("/"))


def is_unsubscribe_secret(text: str) -> bool:
    """Return whether a text is long enough for a secret, and one word."""
    return (
        SHORTEST_SECRET <= len(text) <= _LONGEST_SECRET and text.isprintable() and " " not in text
    )


def _is_public(url: str) -> bool:
    if len(url) > _LONGEST_URL or not _URL.fullmatch(url) or not is_url(url, or_local=True):
        return False
    return "@" not in urlsplit(url).netloc
