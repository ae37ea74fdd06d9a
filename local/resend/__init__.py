"""A loopback Resend: sending, idempotency, limits, errors and webhooks, as documented."""

from local.resend.kept import KeptMail
from local.resend.server import ResendServer

__all__ = ["KeptMail", "ResendServer"]
