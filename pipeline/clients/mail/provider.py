"""What every provider of mail can do. The ledger stores a request, and then any worker sends it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, Self

from pipeline.clients.mail.redirect import AddressedMail
from pipeline.domain.provider_answer import ProviderReply
from pipeline.settings.mail import ProviderName

# https://resend.com/docs/api-reference/emails/send-batch-emails
MOST_MAILS: Final = 100
# https://resend.com/docs/dashboard/emails/idempotency-keys
_KEY: Final = re.compile(r"[\x21-\x7e]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRequest:
    """A request as it is sent, however often: the same bytes under the same key.

    Attributes:
        provider: whose request it is. Another provider needs another one.
        key: names the request. A retry has the same key; another request never has.
        body: the bytes.
        mails: how many mails are in it.
    """

    provider: ProviderName
    key: str
    body: bytes = field(repr=False)
    mails: int

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError("invalid key: expected 1 to 256 visible ASCII characters")
        if not 1 <= self.mails <= MOST_MAILS:
            raise ValueError(f"invalid request: expected 1 to {MOST_MAILS} mails")


class MailProvider(Protocol):
    """A provider of mail. Safe to use from several threads."""

    @property
    def name(self) -> ProviderName:
        """Its name."""

    @property
    def usual_batch(self) -> int:
        """How many mails a request should have: fewer of them are in doubt after a crash."""

    def freeze(self, mails: Sequence[AddressedMail], *, key: str, at: datetime) -> FrozenRequest:
        """Make the request for 1 to ``MOST_MAILS`` mails. The same arguments give the same bytes.

        Args:
            mails: in the order in which they are answered.
            key: as of ``FrozenRequest``.
            at: the Date of the mails.
        """

    def send(self, request: FrozenRequest) -> ProviderReply:
        """Send a request once. Every failure is a result: nothing is raised, nothing is logged."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
