"""Routes whose callers prove by a signature what they may do: who proves nothing is held up."""

import math

from fastapi import Request

from service.identity.door import network_of
from service.limits.rate import Rate
from service.settings import ServiceSettings


class FailedProofs:
    """Counts requests without a right signature, by where they come from. For one event loop.

    Who has a right one is never held up: providers send many webhooks from few addresses, and so
    do the mail programs of many people that unsubscribe.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._rate = Rate(settings.limits.address_rate)

    def count(self, request: Request) -> int | None:
        """Count one; return after how many seconds to come back if it is one too many."""
        address = "" if request.client is None else request.client.host
        wait = self._rate.take(network_of(address))
        return math.ceil(wait) if wait else None


async def failed_proofs_of(request: Request) -> FailedProofs:
    """Return the counts of the application that serves a request."""
    found = request.app.state.failed_proofs
    assert isinstance(found, FailedProofs)  # noqa: S101 - the application has set it
    return found
