"""What a mail can be unsubscribed from: its material in, a subscription or none out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from pipeline.domain.identifiers import EventType, UserId
from pipeline.mail.general_words import MISSED_PUSH, words_of
from pipeline.mail.material import Digest, Immediate, Material
from pipeline.mail.words import WORDS

# The event type of a subscription to digests. Rows of preferences never have it.
DIGEST: Final = "digest"
EMAIL: Final = "email"
# The event types that wait for the digest, unless a person chose otherwise for others.
DIGEST_TYPES: Final = tuple(
    sorted([*(name for name, words in WORDS.items() if words.waits_for_digest), MISSED_PUSH])
)


class SubscriptionScope(StrEnum):
    """Where a subscription holds: ``scope_type`` of a preference."""

    GLOBAL = "global"
    PROJECT = "project"
    THREAD = "thread"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSubscription:
    """What one person gets and may end.

    Attributes:
        user_id: the person.
        scope: everywhere, or only in one project or thread.
        scope_id: of that project or thread; None everywhere.
        event_type: the type, or ``DIGEST`` for all that digests carry.
        channel: as a preference has it.
    """

    user_id: UserId
    scope: SubscriptionScope = SubscriptionScope.GLOBAL
    scope_id: UUID | None = None
    event_type: str
    channel: str = EMAIL

    def __post_init__(self) -> None:
        if (self.scope is SubscriptionScope.GLOBAL) != (self.scope_id is None):
            raise ValueError("invalid scope_id: expected None for global, and an id otherwise")
        if not self.channel.isidentifier():
            raise ValueError("invalid channel: expected a word such as email")

    @property
    def is_to_digests(self) -> bool:
        """Whether it ends with all that digests carry."""
        return self.event_type == DIGEST

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types that are muted when it ends."""
        return DIGEST_TYPES if self.is_to_digests else (self.event_type,)


def subscription_to(material: Material, user_id: UserId) -> MailSubscription | None:
    """Return what the link of a mail ends; None if the mail has no such link.

    Digests and nudges have one. Other mails tell of what somebody did, once.
    """
    match material:
        case Digest():
            return MailSubscription(user_id=user_id, event_type=DIGEST)
        case Immediate(update) if words_of(update.event_type).is_nudge:
            return MailSubscription(user_id=user_id, event_type=update.event_type)
        case _:
            return None


def subject_of(subscription: MailSubscription) -> str:
    """Return in words what a subscription is about, to follow ``mails with``. It names nobody."""
    if subscription.is_to_digests:
        return "digests of what is new"
    words = words_of(EventType(subscription.event_type))
    return words.subscription or "updates of this kind"
