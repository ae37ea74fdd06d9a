"""What came of claimed deliveries: from the step that sends to the one that settles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import Lease, Settlement
from pipeline.domain.tried import TriedRequest
from pipeline.push.fallback import Missed


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedPush:
    """A delivery that the bus brought to nobody.

    Attributes:
        lease: on it.
        missed: why.
        values: what the settlement notes: see ``LeasedTable.given``.
    """

    lease: Lease
    missed: Missed
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedPushes:
    """What came of a batch of deliveries.

    Attributes:
        channel: of all of them.
        tried: the requests that were made.
        missed: deliveries that the bus brings to nobody now.
        settlements: how the others end that were in no request.
    """

    channel: DeliveryChannel
    tried: Sequence[TriedRequest] = ()
    missed: Sequence[MissedPush] = ()
    settlements: Sequence[Settlement] = ()
