"""What a provider says of a message after it has accepted it. Shared by all channels."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.domain.address import EmailAddress


class ReportEffect(StrEnum):
    """What a report means for an address: why nothing is sent to it, or that it is lifted."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    LIFT = "lift"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """One report.

    Attributes:
        provider: whose it is.
        id: the same whenever it is sent again.
        kind: in the words of the provider, such as ``email.delivered``.
        provider_id: the provider's name of the message; None: it is about an address.
        at: when it happened.
        detail: why, in words of the provider's documents.
        address: the address for which it means something.
        effect: what it means; None: nothing.
    """

    provider: str
    id: str
    kind: str
    provider_id: str | None
    at: datetime
    detail: str | None = None
    address: EmailAddress | None = field(default=None, repr=False)
    effect: ReportEffect | None = None
