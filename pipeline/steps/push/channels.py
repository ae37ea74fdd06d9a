"""The channels of push, in their order: the bus comes first in every batch."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.delivery import DeliveryChannel
from pipeline.steps.push.bus import BusChannel
from pipeline.steps.push.channel import PushChannel
from pipeline.steps.push.fcm import FcmChannel
from pipeline.steps.push.sender import PushSender

CHANNELS: Final[Mapping[DeliveryChannel, PushChannel]] = {
    each.name: each for each in (BusChannel(), FcmChannel())
}


def channels_on(sender: PushSender) -> list[PushChannel]:
    """Return the channels that the settings allow, in their order."""
    return [each for each in CHANNELS.values() if each.is_on(sender)]
