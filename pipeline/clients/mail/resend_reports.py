"""Webhooks of Resend: the body of one in, what it reports out.

https://resend.com/docs/webhooks/event-types
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from pipeline.domain.address import EmailAddress, InvalidAddress, parse_mailbox
from pipeline.domain.errors import PermanentError
from pipeline.domain.provider_report import ProviderReport, ReportEffect
from pipeline.settings.mail import ProviderName

# What is kept. Everything else, such as contacts and domains, is none of our business.
ABOUT_MAILS: Final = frozenset(
    f"email.{name}"
    for name in (
        *("sent", "delivered", "delivery_delayed", "bounced", "complained", "suppressed"),
        *("failed", "opened", "clicked"),
    )
)
_ABOUT_ADDRESSES: Final = {
    "suppression.added": ReportEffect.SUPPRESSED,
    "suppression.removed": ReportEffect.LIFT,
}
_EFFECTS: Final = {
    "email.bounced": ReportEffect.BOUNCED,
    "email.complained": ReportEffect.COMPLAINED,
    "email.suppressed": ReportEffect.SUPPRESSED,
}
# The field of ``data`` and those in it that say why. They hold words of Resend's documents.
_DETAILS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "email.bounced": ("bounce", ("type", "subType")),
    "email.failed": ("failed", ("reason",)),
    "email.suppressed": ("suppressed", ("type",)),
}
_ORIGINS: Final = {"bounce": ReportEffect.BOUNCED, "complaint": ReportEffect.COMPLAINED}
# Another text could be of a person.
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,59}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FOR_GOOD: Final = "Permanent"


class UnreadableReport(PermanentError):
    """A report lacks what its kind must have. The error names the field and quotes nothing."""


def read_report(body: bytes, report_id: str) -> ProviderReport | None:
    """Read the body of a message that is surely from Resend.

    Args:
        body: as it was received.
        report_id: the id of the message.

    Returns:
        None for a kind that is not kept.

    Raises:
        UnreadableReport: it is of a kind that is kept, and cannot be read.
    """
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableReport("invalid report: expected JSON") from None
    if not isinstance(message, dict) or not isinstance(kind := message.get("type"), str):
        raise UnreadableReport("invalid report: expected an object with a type")
    if kind not in ABOUT_MAILS and kind not in _ABOUT_ADDRESSES:
        return None
    data = message.get("data")
    if not isinstance(data, dict):
        raise UnreadableReport("invalid report: expected an object in data")
    at = _time(message.get("created_at"))
    if kind in _ABOUT_ADDRESSES:
        address = _address(data.get("email"))
        if address is None:
            raise UnreadableReport("invalid report: expected an address in data.email")
        effect = _ABOUT_ADDRESSES[kind]
        if effect is ReportEffect.SUPPRESSED:
            effect = _ORIGINS.get(str(data.get("origin")), effect)
        return ProviderReport(
            provider=ProviderName.RESEND,
            id=report_id,
            kind=kind,
            provider_id=None,
            at=at,
            address=address,
            effect=effect,
        )
    provider_id = data.get("email_id")
    if not isinstance(provider_id, str) or not _ID.fullmatch(provider_id):
        raise UnreadableReport("invalid report: expected an id in data.email_id")
    details = _details(kind, data)
    address = _only_recipient(data) if kind in _EFFECTS else None
    if kind == "email.bounced" and not _is_for_good(data):
        # A full mailbox, or a server that is away: the next mail may arrive.
        address = None
    return ProviderReport(
        provider=ProviderName.RESEND,
        id=report_id,
        kind=kind,
        provider_id=provider_id,
        at=at,
        detail="/".join(details) or None,
        address=address,
        effect=None if address is None else _EFFECTS[kind],
    )


def _details(kind: str, data: Mapping[str, Any]) -> list[str]:
    field, names = _DETAILS.get(kind, ("", ()))
    found = data.get(field)
    if not isinstance(found, dict):
        return []
    texts = [found.get(name) for name in names]
    return [text for text in texts if isinstance(text, str) and _WORD.fullmatch(text)]


def _is_for_good(data: Mapping[str, Any]) -> bool:
    bounce = data.get("bounce")
    return isinstance(bounce, dict) and bounce.get("type") == _FOR_GOOD


def _only_recipient(data: Mapping[str, Any]) -> EmailAddress | None:
    """Return the recipient. A mail to several, which none of ours is, does not say whose it was."""
    recipients = data.get("to")
    if not isinstance(recipients, list) or len(recipients) != 1:
        return None
    return _address(recipients[0])


def _address(text: object) -> EmailAddress | None:
    try:
        return parse_mailbox(text).address if isinstance(text, str) else None
    except InvalidAddress:
        return None


def _time(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        raise UnreadableReport("invalid report: expected a time in created_at") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
