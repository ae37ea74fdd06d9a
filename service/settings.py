"""Settings of the service: validated once, frozen, and passed as arguments."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from pipeline.domain.defaults import (
    ADDRESS_RATE,
    CALLER_RATE,
    REQUESTS_AT_ONCE,
    REQUESTS_WAITING,
    SERVICE_PORT,
)
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.graph import Graph
from pipeline.fanout.decide import Policy
from pipeline.settings import CaptureNames, DatabaseSettings
from pipeline.settings.unsubscribe import UnsubscribeSettings
from pipeline.settings.urls import is_url
from pipeline.settings.webhooks import WebhookSettings

# The most that a request may send, beside its head.
BODY_BYTES: Final = 1_000_000
IAP_KEYS_URL: Final = "https://www.gstatic.com/iap/verify/public_key-jwk"
_PERSON: Final = re.compile(r"[^@\s,]*@[^@\s,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """How people are recognised, and which of them may do what. Without any: by tokens only.

    Attributes:
        operators: addresses, or domains as ``@example.com``, that may read and operate.
        viewers: likewise, that may read.
        iap_audience: the ``aud`` of the header that Google's Identity-Aware Proxy signs; empty:
            the header is ignored.
        iap_keys_url: where the keys of that proxy are.
        oidc_issuer: the address of an OIDC provider; empty: its tokens are ignored.
        oidc_client_id: the client that the provider's tokens must be issued to.
    """

    operators: Collection[str] = ()
    viewers: Collection[str] = ()
    iap_audience: str = ""
    iap_keys_url: str = IAP_KEYS_URL
    oidc_issuer: str = ""
    oidc_client_id: str = ""

    def __post_init__(self) -> None:
        for name, people in (("OPERATORS", self.operators), ("VIEWERS", self.viewers)):
            if not all(map(_PERSON.fullmatch, people)):
                raise ConfigurationError(
                    f"invalid {name}: expected addresses or domains, such as"
                    " ida@example.com,@example.org"
                )
        for name, url in (("IAP_KEYS_URL", self.iap_keys_url), ("OIDC_ISSUER", self.oidc_issuer)):
            if url and not is_url(url, or_local=True):
                raise ConfigurationError(
                    f"invalid {name}: expected https://host/path, or http:// on this machine"
                )
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            missing = "OIDC_CLIENT_ID" if self.oidc_issuer else "OIDC_ISSUER"
            raise ConfigurationError(
                f"{missing} is not set: people log in with OIDC only if both are set"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one process takes.

    Attributes:
        caller_rate: requests a second of one caller.
        address_rate: requests a second that one address may send without being recognised.
        at_once: how many requests are served at the same time.
        waiting: how many more wait for that.
    """

    caller_rate: float = CALLER_RATE
    address_rate: float = ADDRESS_RATE
    at_once: int = REQUESTS_AT_ONCE
    waiting: int = REQUESTS_WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Where the service listens, the logins that it uses, and whom it lets in.

    Attributes:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        operator: the database, with the login for what changes something.
        viewer: the same database, with the login for what only reads.
        names: of Debezium's slot and publication.
        graphs: those that have to run, for ``/ready``; without any: all that ever ran here.
        identity: how people are recognised.
        limits: how much the process takes.
        trusted_proxies: the addresses and networks whose ``X-Forwarded-For`` names the client.
        topic: ``projects/P/topics/T``, to which replays publish: the one that the stream reads.
            None: plans can be made, and not applied.
        reaction_topic: the topic that the graph of reactions reads, in the same form. None: nobody
            can wake it over HTTP.
        policy: the rules of the stream, for plans of replays.
        unsubscribe: how the links in mails are read; without a secret there are none.
        webhooks: how reports of providers are recognised; without a secret none is taken.
        brand_name: whose pages they are that people see; empty: nobody is named.
    """

    host: str = "127.0.0.1"
    port: int = SERVICE_PORT
    operator: DatabaseSettings
    viewer: DatabaseSettings
    names: CaptureNames = field(default_factory=CaptureNames)
    graphs: frozenset[Graph] = frozenset()
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: tuple[str, ...] = ()
    topic: str | None = None
    reaction_topic: str | None = None
    policy: Policy = field(default_factory=Policy)
    unsubscribe: UnsubscribeSettings = field(default_factory=UnsubscribeSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    brand_name: str = ""

    def __post_init__(self) -> None:
        for each in self.trusted_proxies:
            try:
                ip_network(each)
            except ValueError:
                raise ConfigurationError(
                    f"invalid TRUSTED_PROXIES {each[:80]!r}: expected addresses or networks, such"
                    " as 10.0.0.0/8,192.0.2.7"
                ) from None
