"""The brand of all mails: configuration in, a checked ``Brand`` out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from pipeline.domain.errors import ConfigurationError
from pipeline.mail import links
from pipeline.mail.clean import line
from pipeline.mail.colour import HEX

DEFAULT_COLOUR: Final = "#1f4fd8"
PREFERENCES: Final = "/settings/notifications"
# The variables of the environment that hold a brand.
BRAND_VARIABLES: Final = (
    "BRAND_NAME",
    "BRAND_URL",
    "BRAND_COLOUR",
    "BRAND_LOGO_URL",
    "BRAND_ADDRESS",
    "BRAND_PREFERENCES",
    "BRAND_LINK_HOSTS",
)
_WEB_ADDRESS: Final = "expected https://host/path"
_MAX_ADDRESS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose mails these are.

    Attributes:
        name: in the subject, the header and the button: ``CapMatch``.
        base_url: the site; links of rows are joined to its root.
        colour: of buttons and links, ``#rrggbb``. Each mode uses the nearest colour that has
            enough contrast.
        logo_url: an image for the header, shown 32 pixels high; without one, the name.
        postal_address: for the footer; many countries demand it.
        preferences: the page where people choose what they get, relative to the site's root.
        link_hosts: hosts beside that of ``base_url`` to which links may lead.

    Raises:
        ConfigurationError: a value is invalid; the text names its variable.
    """

    name: str
    base_url: str
    colour: str = DEFAULT_COLOUR
    logo_url: str | None = None
    postal_address: str | None = None
    preferences: str = PREFERENCES
    link_hosts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.name or self.name != line(self.name):
            raise ConfigurationError("invalid BRAND_NAME: expected a short name on one line")
        if not links.is_web_address(self.base_url):
            raise ConfigurationError(f"invalid BRAND_URL: {_WEB_ADDRESS}")
        if not HEX.fullmatch(self.colour):
            raise ConfigurationError("invalid BRAND_COLOUR: expected one such as #1f4fd8")
        if self.logo_url is not None and not links.is_web_address(self.logo_url):
            raise ConfigurationError(f"invalid BRAND_LOGO_URL: {_WEB_ADDRESS}")
        address = self.postal_address
        if address is not None and (not address or address != line(address, _MAX_ADDRESS)):
            raise ConfigurationError(
                f"invalid BRAND_ADDRESS: expected one line of at most {_MAX_ADDRESS} characters"
            )
        if any(not _is_host(host) for host in self.link_hosts):
            raise ConfigurationError(
                "invalid BRAND_LINK_HOSTS: expected hosts such as auth.example.com,"
                " with commas between them"
            )
        if self.link(self.preferences) is None:
            raise ConfigurationError(
                f"invalid BRAND_PREFERENCES: expected a path such as {PREFERENCES}"
            )

    @property
    def root(self) -> str:
        """The root of the site: ``https://app.example/`` for ``https://app.example/dashboard``."""
        parts = urlsplit(self.base_url)
        return urlunsplit((parts.scheme, parts.netloc, "/", "", ""))

    @property
    def preferences_url(self) -> str:
        """The absolute address of the page for preferences."""
        return self.link(self.preferences) or self.base_url

    def link(self, link: object) -> str | None:
        """Return the absolute address of a link of a row; None if it may not be followed."""
        hosts = {urlsplit(self.base_url).netloc.lower(), *self.link_hosts}
        return links.absolute(self.root, hosts, link)


def read_brand(variables: Mapping[str, str]) -> Brand:
    """Return the brand that the variables of the environment describe. Empty means not set.

    Raises:
        ConfigurationError: a variable is missing or invalid.
    """
    given = {name: variables.get(name, "").strip() for name in BRAND_VARIABLES}
    missing = [name for name in ("BRAND_NAME", "BRAND_URL") if not given[name]]
    if missing:
        raise ConfigurationError(
            f"not set: {', '.join(missing)}; mails need the name and the address of your site"
        )
    hosts = (host.strip().lower() for host in given["BRAND_LINK_HOSTS"].split(","))
    return Brand(
        name=given["BRAND_NAME"],
        base_url=given["BRAND_URL"],
        colour=given["BRAND_COLOUR"].lower() or DEFAULT_COLOUR,
        logo_url=given["BRAND_LOGO_URL"] or None,
        postal_address=given["BRAND_ADDRESS"] or None,
        preferences=given["BRAND_PREFERENCES"] or PREFERENCES,
        link_hosts=frozenset(host for host in hosts if host),
    )


def _is_host(host: str) -> bool:
    address = f"https://{host}/"
    return links.is_web_address(address) and urlsplit(address).netloc == host == host.lower()
