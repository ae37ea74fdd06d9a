"""The clients of push of this process: one for each setting."""

import threading
from functools import cache
from typing import Final

from pipeline.clients.push.centrifugo import Centrifugo
from pipeline.clients.push.client import PushClient
from pipeline.clients.push.fcm import FcmClient
from pipeline.clients.push.message import BusSignal, FcmMessage
from pipeline.clients.push.plain_bus import PlainBus
from pipeline.settings.push import BusKind, BusSettings, FcmSettings

CONNECTIONS: Final = 16

# Several threads ask for the same client at the same time, and only one may make it.
_lock: Final = threading.Lock()


def bus_of(settings: BusSettings) -> PushClient[BusSignal]:
    """Return the client of the bus."""
    with _lock:
        return _bus(settings)


def fcm_of(settings: FcmSettings) -> PushClient[FcmMessage]:
    """Return the client of FCM."""
    with _lock:
        return _fcm(settings)


def close_bus(settings: BusSettings) -> None:
    """Close the connections to the bus."""
    with _lock:
        _bus(settings).__exit__(None, None, None)
        _bus.cache_clear()


def close_fcm(settings: FcmSettings) -> None:
    """Close the connections to FCM."""
    with _lock:
        _fcm(settings).__exit__(None, None, None)
        _fcm.cache_clear()


@cache
def _bus(settings: BusSettings) -> PushClient[BusSignal]:
    make = Centrifugo if settings.kind is BusKind.CENTRIFUGO else PlainBus
    return make(settings, connections=CONNECTIONS)


@cache
def _fcm(settings: FcmSettings) -> PushClient[FcmMessage]:
    return FcmClient(settings, connections=CONNECTIONS)
