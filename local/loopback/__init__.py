"""What our stand-ins for providers share: HTTP on this machine, and faults that a test scripts."""

from local.loopback.faults import DROPPED_AFTER, DROPPED_BEFORE, Drop, Fault
from local.loopback.listener import LoopbackReply, LoopbackRequest
from local.loopback.stand_in import StandIn

__all__ = [
    "DROPPED_AFTER",
    "DROPPED_BEFORE",
    "Drop",
    "Fault",
    "LoopbackReply",
    "LoopbackRequest",
    "StandIn",
]
