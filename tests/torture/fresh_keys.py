"""The pipeline, weakened: it makes the key of a request from the try, not from the cause.

The control of the tests of mail: they must find that this one sends mails twice.
"""

import sys
from dataclasses import replace
from uuid import uuid4

from pipeline import __main__
from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.resend import ResendClient
from pipeline.domain.provider_answer import ProviderReply


class FreshKeys(ResendClient):
    """A client whose every try looks like a new request."""

    def send(self, request: FrozenRequest) -> ProviderReply:
        """Send it under another key."""
        return super().send(replace(request, key=str(uuid4())))


if __name__ == "__main__":
    from pipeline.steps.mail import sender

    vars(sender)["ResendClient"] = FreshKeys
    sys.exit(__main__.main())
