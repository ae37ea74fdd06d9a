"""Deliveries: the id of one, its channel and its priority. No I/O."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Final
from uuid import UUID

from pipeline.domain.errors import UsageError
from pipeline.domain.record import RecordKey

SOURCE: Final = "deliveries"
# What the names of the switches of mail begin with: of a type of mail, or of a provider.
MAIL_SWITCH: Final = "mail:"
# The same of push: of what is told, or of a channel.
PUSH_SWITCH: Final = "push:"
# The same of an endpoint of webhooks; its id follows.
WEBHOOK_SWITCH: Final = "push:webhook:"
# Of the slots of a claim, the part that critical deliveries may take while others wait.
CRITICAL_SHARE: Final = 0.8


class DeliveryChannel(StrEnum):
    """The ways out. ``EMAIL`` is the mail graph's, the others are those of push."""

    EMAIL = "email"
    BUS = "bus"
    FCM = "fcm"
    WEBHOOK = "webhook"


class Priority(IntEnum):
    """How urgent a delivery is. Critical ones come first; the others age among each other."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3

    @classmethod
    def of(cls, text: str) -> "Priority":
        """Return the priority of this name. ``urgent`` is critical, and ``medium`` is normal.

        Raises:
            UsageError: no priority has this name.
        """
        found = _BY_NAME.get(text.lower())
        if found is None:
            raise UsageError(f"invalid priority {text!r}: expected critical, high, normal or low")
        return found

    @property
    def behind(self) -> timedelta:
        """How much later than a high delivery of the same time its turn comes."""
        return timedelta(minutes=5 * max(0, self - Priority.HIGH))


_BY_NAME: Final = {
    **{priority.name.lower(): priority for priority in Priority},
    "urgent": Priority.CRITICAL,
    "medium": Priority.NORMAL,
}


def delivery_id(cause: RecordKey, channel: DeliveryChannel, recipient: str) -> UUID:
    """Return the id of a delivery, as the SQL function ``fanout.delivery_id`` does.

    It is a UUID of version 8 from SHA-256 (RFC 9562, B.2): the same cause, channel and recipient
    always have the same one.

    Args:
        cause: the record that causes it.
        channel: the way out.
        recipient: the id of a person, a device or an endpoint, or ``address_hash`` of an address.
    """
    name = "\n".join(("fanout.delivery", channel, recipient, str(cause)))
    hashed = bytearray(hashlib.sha256(name.encode()).digest()[:16])
    hashed[6] = hashed[6] & 0x0F | 0x80
    hashed[8] = hashed[8] & 0x3F | 0x80
    return UUID(bytes=bytes(hashed))


def address_hash(key: bytes, address: str) -> str:
    """Return what stands for an address in our tables, as the SQL function of the same name does.

    Args:
        key: of ``fanout.address_key``.
        address: in any case, with or without blanks around it.
    """
    return "address:" + hashlib.sha256(key + address.strip(" ").lower().encode()).hexdigest()


@dataclass(slots=True)
class Slots:
    """Divides the slots of claims: critical deliveries get ``CRITICAL_SHARE`` while others wait.

    Claims can be small, so what is reserved for the others is counted over several claims.
    """

    _owed: float = 0.0

    def reserve(self, most: int) -> int:
        """Return how many slots of a claim of ``most`` critical deliveries leave to the others."""
        self._owed = min(self._owed + (1 - CRITICAL_SHARE) * most, float(most))
        # Slightly more, because a binary number cannot be exactly a fifth.
        reserved = int(self._owed + 1e-9)
        self._owed -= reserved
        return reserved
