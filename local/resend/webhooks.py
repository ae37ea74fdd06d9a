"""What Resend tells of a mail later: events, signed, and sent again under the same id.

https://resend.com/docs/dashboard/webhooks/event-types
https://resend.com/docs/dashboard/emails/send-test-emails
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import httpx2

from local.resend.kept import KeptMail
from pipeline.domain.webhook_signature import SigningSecret, sign

# The details of the events that have some.
_DETAILS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "email.bounced": (
        "bounce",
        {
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's mail server permanently rejected the email.",
        },
    ),
    "email.failed": ("failed", {"reason": "reached_daily_quota"}),
    "email.suppressed": (
        "suppressed",
        {"type": "OnAccountSuppressionList", "message": "The address is suppressed."},
    ),
}
# What becomes of mail to Resend's own test addresses.
_TEST_ADDRESSES: Final = {
    "bounced@resend.dev": "email.bounced",
    "complained@resend.dev": "email.complained",
    "suppressed@resend.dev": "email.suppressed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """An event as it is sent: the same id and body, however often.

    Attributes:
        id: of the message.
        body: its bytes.
    """

    id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """Who is told.

    Attributes:
        url: of the application.
        secret: with which the messages are signed, as ``whsec_...``.
        prefix: of the three headers: ``svix-``, as Resend sends them, or ``webhook-``.
    """

    url: str
    secret: str = field(repr=False)
    prefix: str = "svix-"

    def send(self, event: WebhookEvent, at: datetime) -> int:
        """Send an event, once more if need be; return the status of the answer."""
        secret = SigningSecret.parse(self.secret)
        signed = sign(event.body, message_id=event.id, at=at, secrets=[secret])
        headers = {
            name.replace("webhook-", self.prefix, 1): value for name, value in signed.items()
        }
        headers["Content-Type"] = "application/json"
        with httpx2.Client(trust_env=False, timeout=10) as client:
            answer = client.post(self.url, content=event.body, headers=headers)
        return answer.status_code


def mail_event(kind: str, mail: KeptMail, at: datetime) -> WebhookEvent:
    """An event about a mail, such as ``email.delivered``."""
    tags = {tag["name"]: tag["value"] for tag in mail.content.get("tags", [])}
    data: dict[str, Any] = {
        "created_at": _time(mail.at),
        "email_id": mail.id,
        "message_id": f"<{mail.id}@resend.example>",
        "from": mail.content["from"],
        "to": mail.to,
        "subject": mail.content["subject"],
        "tags": tags,
    }
    if kind in _DETAILS:
        name, details = _DETAILS[kind]
        data[name] = dict(details)
    return _event(kind, data, at)


def suppression_event(kind: str, address: str, at: datetime) -> WebhookEvent:
    """An event about an address: ``suppression.added`` or ``suppression.removed``."""
    data = {
        "id": str(uuid4()),
        "email": address,
        "origin": "manual",
        "source_id": None,
        "created_at": _time(at),
    }
    return _event(kind, data, at)


def later_events(mail: KeptMail, at: datetime) -> list[WebhookEvent]:
    """What happens to a mail: it is sent, and then delivered unless it goes to a test address."""
    addresses = (text.rpartition("<")[2].rstrip(">") for text in mail.to)
    ends = [_TEST_ADDRESSES[each] for each in addresses if each in _TEST_ADDRESSES]
    return [mail_event(kind, mail, at) for kind in ("email.sent", *(ends or ["email.delivered"]))]


def _event(kind: str, data: Mapping[str, Any], at: datetime) -> WebhookEvent:
    body = json.dumps({"type": kind, "created_at": _time(at), "data": data}).encode()
    return WebhookEvent(id=f"msg_{uuid4().hex}", body=body)


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
