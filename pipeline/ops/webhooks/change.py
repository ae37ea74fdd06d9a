"""Adds, rotates, enables, disables and removes endpoints."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from pipeline.clients.postgres.sql import load
from pipeline.clients.webhooks.endpoint_url import read_endpoint_url
from pipeline.domain.delivery import WEBHOOK_SWITCH
from pipeline.domain.errors import UsageError
from pipeline.ops.webhooks.called import no_endpoint, run
from pipeline.ops.webhooks.secret import new_secret
from pipeline.settings import DatabaseSettings
from pipeline.settings.outgoing_webhooks import OutgoingSettings

# Stands for every event type.
EVERY_TYPE: Final = "*"
LONGEST_KEEP: Final = timedelta(days=30)

_ADD: Final = load(__package__, "add_endpoint")
_ROTATE: Final = load(__package__, "rotate_secret")
_ID: Final = load(__package__, "endpoint_id")
_DISABLE: Final = load(__package__, "disable_endpoint")
_ENABLE: Final = load(__package__, "enable_endpoint")
_REMOVE: Final = load(__package__, "remove_endpoint")
_NAME: Final = re.compile("[a-z0-9][a-z0-9._-]{0,62}")
_TYPE: Final = re.compile(r"[\x21-\x7e]{1,200}")
_MOST_TYPES: Final = 200
_QUOTED: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint that was added.

    Attributes:
        id: the recipient of its deliveries.
        name: identifies it in commands.
        event_types: what it hears of.
        with_payload: whether it gets payloads.
        secret: this is the only time that anybody sees it; None: it is named.
    """

    id: UUID
    name: str
    event_types: list[str]
    with_payload: bool
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedSecret:
    """An endpoint with a new secret.

    Attributes:
        name: of the endpoint.
        secret: as in ``NewEndpoint``.
        both_until: until when messages are signed with the older one as well.
    """

    name: str
    secret: str | None = field(repr=False)
    both_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedEndpoint:
    """What was done with an endpoint.

    Attributes:
        name: of the endpoint.
        changed: False: it was so already.
    """

    name: str
    changed: bool


def add_endpoint(
    settings: DatabaseSettings,
    webhooks: OutgoingSettings,
    *,
    name: str,
    url: str,
    event_types: Collection[str],
    with_payload: bool = False,
    secret_name: str | None = None,
) -> NewEndpoint:
    """Add an endpoint. It hears of the events that are written from now on.

    Args:
        settings: the database, with the login of an operator.
        webhooks: the key for secrets, and allowed networks.
        name: what it is called.
        url: its address.
        event_types: what it hears of: types of ``domain_events``, or ``EVERY_TYPE``.
        with_payload: whether it gets the payload of events, and not their ids only.
        secret_name: of its secret in Secret Manager; None: one is made and stored encrypted.

    Raises:
        UsageError: an argument is invalid, or the name is taken.
        ConfigurationError: no key is set, or the login is not an operator's.
    """
    _check_name(name)
    types = sorted(set(event_types))
    if not types or len(types) > _MOST_TYPES or not all(map(_TYPE.fullmatch, types)):
        raise UsageError(
            f"invalid event types: expected 1 to {_MOST_TYPES}, such as document_uploaded, or * for"
            " all"
        )
    id_ = uuid4()
    checked = read_endpoint_url(url, webhooks)
    secret = new_secret(webhooks, id_, secret_name)
    parameters = {
        "id": id_,
        "audit": uuid4(),
        "name": name,
        "url": checked,
        "with_payload": with_payload,
        "event_types": types,
        "secret_id": secret.id,
        "sealed": secret.sealed,
        "secret_name": secret.name,
    }
    if not run(settings, _ADD, parameters):
        raise UsageError(f"an endpoint named {name!r} exists: choose another name")
    return NewEndpoint(
        id=id_, name=name, event_types=types, with_payload=with_payload, secret=secret.text
    )


def rotate_secret(
    settings: DatabaseSettings,
    webhooks: OutgoingSettings,
    *,
    name: str,
    keep: timedelta,
    secret_name: str | None = None,
) -> RotatedSecret:
    """Give an endpoint a new secret. For a while, messages are signed with the older one as well.

    Args:
        settings: the database, with the login of an operator.
        webhooks: the key for secrets.
        name: of the endpoint.
        keep: how long the older one is used; zero: not any more.
        secret_name: as in ``add_endpoint``.

    Raises:
        NotFound: no endpoint has this name.
        UsageError: an argument is invalid.
        ConfigurationError: no key is set, or the login is not an operator's.
    """
    if not timedelta(0) <= keep <= LONGEST_KEEP:
        raise UsageError(f"invalid time to keep: expected 0s to {LONGEST_KEEP.days}d")
    found = run(settings, _ID, {"name": name})
    if not found:
        raise no_endpoint(name)
    secret = new_secret(webhooks, found[0].id, secret_name)
    parameters = {
        "name": name,
        "secret_id": secret.id,
        "sealed": secret.sealed,
        "secret_name": secret.name,
        "keep": keep,
        "audit": uuid4(),
    }
    rows = run(settings, _ROTATE, parameters)
    if not rows:
        raise no_endpoint(name)
    return RotatedSecret(name=name, secret=secret.text, both_until=rows[0].both_until)


def disable_endpoint(settings: DatabaseSettings, name: str) -> ChangedEndpoint:
    """Send nothing more to an endpoint, not even what is waiting.

    Raises:
        NotFound: no endpoint has this name.
    """
    return _changed(settings, _DISABLE, name)


def enable_endpoint(settings: DatabaseSettings, name: str) -> ChangedEndpoint:
    """Send to an endpoint again what happens from now on; close its breaker.

    Raises:
        NotFound: no endpoint has this name.
    """
    return _changed(settings, _ENABLE, name)


def remove_endpoint(settings: DatabaseSettings, name: str) -> ChangedEndpoint:
    """Delete an endpoint, its subscriptions and its secrets.

    Raises:
        NotFound: no endpoint has this name.
    """
    return _changed(settings, _REMOVE, name)


def _changed(settings: DatabaseSettings, statement: bytes, name: str) -> ChangedEndpoint:
    rows = run(settings, statement, {"name": name, "audit": uuid4(), "prefix": WEBHOOK_SWITCH})
    if not rows:
        raise no_endpoint(name)
    return ChangedEndpoint(name=rows[0].name, changed=rows[0].changed)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"invalid name {name[:_QUOTED]!r}: expected at most 63 of a-z, 0-9, '.', '_' and '-',"
            " such as crm"
        )
