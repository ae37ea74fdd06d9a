"""The addresses to which nothing is sent: listed, added and removed by operators. Hashes only."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from pipeline.clients.postgres.sql import load
from pipeline.domain.address import InvalidAddress, parse_address
from pipeline.domain.errors import UsageError
from pipeline.ops.mail.called import call
from pipeline.settings import DatabaseSettings

_LIST: Final = load(__package__, "suppressions")
_SUPPRESS: Final = load(__package__, "suppress")
_LIFT: Final = load(__package__, "lift")
_HASH: Final = re.compile("address:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address to which nothing is sent.

    Attributes:
        address_hash: a keyed hash of it: nobody can tell the address, or try one.
        reason: ``bounced``, ``complained``, ``suppressed`` (by the provider), ``unsubscribed`` or
            ``by hand``.
        provider: whose report it comes from; None: a person's doing.
        since: from when on.
    """

    address_hash: str
    reason: str
    provider: str | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressions:
    """The newest suppressions, and how many there are in all."""

    newest: list[Suppression]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSuppression:
    """What was done with one address.

    Attributes:
        address_hash: of the address.
        changed: False: it was so already.
    """

    address_hash: str
    changed: bool


def list_suppressions(settings: DatabaseSettings, most: int) -> Suppressions:
    """Return the newest suppressions, at most ``most``."""
    rows = call(settings, _LIST, {"most": most})
    return Suppressions(
        newest=[
            Suppression(
                address_hash=row.address_hash,
                reason=row.reason,
                provider=row.provider,
                since=row.since,
            )
            for row in rows
        ],
        total=rows[0].total if rows else 0,
    )


def suppress(settings: DatabaseSettings, address: str) -> ChangedSuppression:
    """Send nothing to an address from now on. No report of a provider lifts this.

    Raises:
        UsageError: it is not a valid address. The error does not quote it.
        ConfigurationError: the login is not an operator's, or the database has no mail.
    """
    ((address_hash, changed),) = call(
        settings, _SUPPRESS, {"addresses": _spellings(address), "audit": uuid4()}
    )
    return ChangedSuppression(address_hash=address_hash, changed=changed)


def lift(settings: DatabaseSettings, address: str) -> ChangedSuppression:
    """Send to an address again, whoever suppressed it. The provider's own list is another matter.

    Args:
        settings: the database, with the login of an operator.
        address: it, or its hash as a list shows it.

    Raises:
        UsageError: it is neither. The error does not quote it.
        ConfigurationError: the login is not an operator's, or the database has no mail.
    """
    text = address.strip()
    by_hash = _HASH.fullmatch(text) is not None
    parameters = {
        "addresses": [] if by_hash else _spellings(text),
        "hash": text if by_hash else None,
        "audit": uuid4(),
    }
    ((address_hash, changed),) = call(settings, _LIFT, parameters)
    return ChangedSuppression(address_hash=address_hash, changed=changed)


def _spellings(address: str) -> list[str]:
    try:
        return list(parse_address(address.strip()).spellings)
    except InvalidAddress as error:
        raise UsageError(str(error)) from None
