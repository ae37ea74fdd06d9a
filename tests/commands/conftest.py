"""The fixtures of the commands that need more than a database."""

from tests.steps.webhooks.conftest import desk, receiver

__all__ = ["desk", "receiver"]
