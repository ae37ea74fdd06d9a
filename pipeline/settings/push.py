"""Settings of push: texts in, checked settings or an error out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from pipeline.domain.errors import ConfigurationError
from pipeline.settings.secret_list import is_secret_name
from pipeline.settings.urls import is_url

FCM_URL: Final = "https://fcm.googleapis.com"
# The variables that ``read_push_settings`` knows, and no other.
PUSH_VARIABLES: Final = (
    "WEBSOCKET_BUS_URL",
    "WEBSOCKET_BUS_KIND",
    "WEBSOCKET_BUS_NAMESPACE",
    "SERVICE_TOKEN",
    "SERVICE_TOKEN_SECRET",
    "FCM_PROJECT_ID",
    "FCM_BASE_URL",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
# What can stand in a header.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")
# https://cloud.google.com/resource-manager/docs/creating-managing-projects
_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# https://centrifugal.dev/docs/server/channels#channel-namespaces
_NAMESPACE: Final = re.compile(r"[-a-zA-Z0-9_.]{2,100}")


class BusKind(StrEnum):
    """The protocols by which a bus is told."""

    PLAIN = "plain"
    CENTRIFUGO = "centrifugo"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings:
    """How to reach the websocket bus.

    Attributes:
        url: of the bus.
        kind: its protocol.
        namespace: of the personal channels of Centrifugo; empty: they are in none.
        token: kept out of ``repr``.
        token_secret: its name in Secret Manager, if it is not given.
        timeout: how long one request may take.
    """

    url: str
    kind: BusKind = BusKind.PLAIN
    namespace: str = ""
    token: str = field(default="", repr=False)
    token_secret: str = ""
    timeout: timedelta = timedelta(seconds=2)

    def __post_init__(self) -> None:
        _check_url("WEBSOCKET_BUS_URL", self.url)
        _check_namespace(self.kind, self.namespace)
        if bool(self.token) == bool(self.token_secret):
            problem = "both set" if self.token else "not set"
            raise ConfigurationError(
                f"{problem}: SERVICE_TOKEN and SERVICE_TOKEN_SECRET; with WEBSOCKET_BUS_URL, set"
                " one of them, the token itself or its name in Secret Manager"
            )
        if self.token and not is_bus_token(self.token):
            raise ConfigurationError(
                "invalid SERVICE_TOKEN: expected 1 to 4096 visible ASCII characters"
            )
        if self.token_secret and not is_secret_name(self.token_secret):
            raise ConfigurationError(
                f"invalid SERVICE_TOKEN_SECRET {self.token_secret[:80]!r}: expected"
                " projects/P/secrets/S"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FcmSettings:
    """How to reach Firebase Cloud Messaging.

    Attributes:
        project: the Firebase project.
        base_url: of the API.
        credentials: the file with a key of a service account. Empty: the credentials of where we
            run, such as a service account of Google Cloud.
        timeout: how long one request may take. Google advises against less than ten seconds.
    """

    project: str
    base_url: str = FCM_URL
    credentials: str = field(default="", repr=False)
    timeout: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if not _PROJECT.fullmatch(self.project):
            raise ConfigurationError(
                f"invalid FCM_PROJECT_ID {self.project[:80]!r}: expected a project id such as"
                " acme-app"
            )
        _check_url("FCM_BASE_URL", self.base_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """Through what is pushed.

    Attributes:
        bus: None: every push goes to the phone.
        fcm: None: only the bus is asked.
    """

    bus: BusSettings | None = None
    fcm: FcmSettings | None = None


def read_push_settings(environment: Mapping[str, str]) -> PushSettings:
    """Read the settings from ``PUSH_VARIABLES``. An empty value counts as not set.

    Raises:
        ConfigurationError: one is missing or invalid. Secrets are not quoted.
    """
    given = {name: value for name in PUSH_VARIABLES if (value := environment.get(name, "").strip())}
    return PushSettings(
        bus=_bus(given) if "WEBSOCKET_BUS_URL" in given else None,
        fcm=_fcm(given) if "FCM_PROJECT_ID" in given else None,
    )


def is_bus_token(text: str) -> bool:
    """Return whether a text can be sent as a token."""
    return _TOKEN.fullmatch(text) is not None


def _bus(given: Mapping[str, str]) -> BusSettings:
    kind = given.get("WEBSOCKET_BUS_KIND", BusKind.PLAIN)
    if kind not in set(BusKind):
        raise ConfigurationError(
            f"invalid WEBSOCKET_BUS_KIND {kind[:80]!r}: expected {' or '.join(BusKind)}"
        )
    return BusSettings(
        url=given["WEBSOCKET_BUS_URL"],
        kind=BusKind(kind),
        namespace=given.get("WEBSOCKET_BUS_NAMESPACE", ""),
        token=given.get("SERVICE_TOKEN", ""),
        token_secret=given.get("SERVICE_TOKEN_SECRET", ""),
    )


def _fcm(given: Mapping[str, str]) -> FcmSettings:
    return FcmSettings(
        project=given["FCM_PROJECT_ID"],
        base_url=given.get("FCM_BASE_URL", FCM_URL),
        credentials=given.get("GOOGLE_APPLICATION_CREDENTIALS", ""),
    )


def _check_namespace(kind: BusKind, namespace: str) -> None:
    if namespace and kind is not BusKind.CENTRIFUGO:
        raise ConfigurationError(
            "WEBSOCKET_BUS_NAMESPACE is set, and only Centrifugo has namespaces: remove it, or set"
            " WEBSOCKET_BUS_KIND=centrifugo"
        )
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise ConfigurationError(
            f"invalid WEBSOCKET_BUS_NAMESPACE {namespace[:80]!r}: expected 2 or more ASCII letters,"
            " digits, - _ and ."
        )


def _check_url(variable: str, text: str) -> None:
    url = urlsplit(text) if is_url(text, or_local=True) else None
    if url is None or url.query or url.fragment or "@" in url.netloc:
        raise ConfigurationError(
            f"invalid {variable}: expected https://host/path, or http:// on this machine"
        )
