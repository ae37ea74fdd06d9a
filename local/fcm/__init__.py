"""A loopback Firebase Cloud Messaging: access tokens, sending, and its errors, as documented."""

from local.fcm.kept import KeptPush
from local.fcm.server import FcmServer

__all__ = ["FcmServer", "KeptPush"]
