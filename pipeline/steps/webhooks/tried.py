"""What came of claimed webhooks: from the step that sends to the one that settles."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.lease import Settlement
from pipeline.domain.tried import TriedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedWebhooks:
    """What came of a batch of webhooks.

    Attributes:
        tried: the requests that were made.
        settlements: how those end that were in none of them.
    """

    tried: Sequence[TriedRequest] = ()
    settlements: Sequence[Settlement] = ()
