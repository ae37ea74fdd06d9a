"""A small websocket bus on this machine: it signals to who is connected, and says to how many."""

from local.bus.server import BusServer, KeptSignal
from local.bus.shown import Shown, ShownPerson

__all__ = ["BusServer", "KeptSignal", "Shown", "ShownPerson"]
