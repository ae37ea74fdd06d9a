"""What goes wrong with one request to a stand-in, as a test scripts it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from local.loopback.listener import LoopbackReply


class Drop(StrEnum):
    """When the connection is cut in place of an answer."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        reply: what is answered in place of the usual; None: the usual.
        accepts: whether what is sent is accepted all the same.
        drop: whether the connection is cut before or after it is accepted.
    """

    reply: LoopbackReply | None = None
    accepts: bool = False
    drop: Drop = Drop.NEVER


DROPPED_BEFORE: Final = Fault(drop=Drop.BEFORE)
DROPPED_AFTER: Final = Fault(drop=Drop.AFTER)
