"""Pub/Sub on one machine: the real gRPC API over an in-memory broker."""

from local.pubsub.emulator import Emulator

__all__ = ["Emulator"]
